"""The description of the API, made from the table of routes so that it cannot drift from it."""
