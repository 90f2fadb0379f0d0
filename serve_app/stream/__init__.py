"""Open streams of notifications: what each is sent, and the door that they come in by."""
