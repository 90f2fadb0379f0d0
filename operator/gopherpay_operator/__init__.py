"""The platform's hands in Kubernetes: what is applied becomes so, stays so, and is never lost.

* ``resources``: the custom resources, each field typed and described once.
* ``crds``: what the cluster and the reader get from that: definitions and a page.
* ``wishes``: from a resource to plain values.
* ``plans``: what would be done about them, decided without clock or I/O.
* ``backends``: Kafka and Postgres, looked at and changed.
* ``cli``: the command line.
"""
