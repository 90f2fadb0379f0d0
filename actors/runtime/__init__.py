"""Virtual account actors: mailboxes, group commit, shards, and the way to them.

Plain asyncio; Ray is met only in the files named ``ray_*``.
"""
