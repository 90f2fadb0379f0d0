"""What is seen of the operator from outside: probes, metrics, logs."""
