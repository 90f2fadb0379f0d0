"""The HTTP face of the platform: routes, the composition root, the command line."""
