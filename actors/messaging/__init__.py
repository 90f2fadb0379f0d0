"""Events on their way through Apache Kafka, or through the outbox where there is none."""
