"""What is made of the resources: definitions for the cluster, and a page for people."""
