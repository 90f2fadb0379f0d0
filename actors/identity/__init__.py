"""People and their credentials: what each call does, without HTTP and without Ray.

``service.build_identity`` makes all of it; ``authenticator`` is the part every request meets.
"""
