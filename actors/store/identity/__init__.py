"""The SQL of people and credentials: one method a transaction, plain values in and out."""
