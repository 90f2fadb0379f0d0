"""What brings resources and servers together, knowing neither Kubernetes' client nor any server."""
