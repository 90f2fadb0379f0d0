"""The console script ``gopherpay``: one file a verb, each thin."""
