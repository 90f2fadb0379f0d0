"""The schema's history; run by ``actors.store.migrate``."""
