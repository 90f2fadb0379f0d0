"""The only home of Kubernetes: its client, its watches, its lease."""
