"""What would be done to a topic, a database or a role: pure decisions, without clock or I/O.

`desired` is what a resource wants, `observed` what a backend has, `planning.plan` the decision
between them, and `actions`, `topic_actions`, `database_actions` and `role_actions` its words.
"""
