"""Where plans meet the world: one module a backend, each behind the port of `ports`.

The only home of Kafka's and Postgres's libraries in this package. Every call blocks, so the engine
makes them in threads.
"""
