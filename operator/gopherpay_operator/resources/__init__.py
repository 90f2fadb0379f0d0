"""The custom resources: one typed source for the operator, the cluster and the reference."""
