"""The parts that the platform brings along: a real Postgres and a local Ray, both its own."""
