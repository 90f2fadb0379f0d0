"""The seams: what one side needs, as a Protocol that it owns."""
