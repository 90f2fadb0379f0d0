"""For each kind, how it is brought about: one module a kind, found by `composition`."""
