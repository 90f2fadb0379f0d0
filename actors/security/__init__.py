"""Passwords, tokens, keys and sealed values.

Nothing here touches the database or the network; algorithms come from ``cryptography``
(OpenSSL), ``bcrypt`` and PyJWT, never from ourselves.
"""
