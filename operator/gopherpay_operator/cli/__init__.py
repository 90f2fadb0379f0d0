"""The command line ``gopherpay-operator``."""
