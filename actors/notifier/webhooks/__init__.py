"""Events on their way to the servers of those whom they concern."""
