"""An ingress in a process of its own, whose memory can be looked at; it ends with its input."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from actors.ids import new_id
from actors.settings import Settings
from serve_app import composition, logs
from serve_app.stream.door import door


async def serve(postgres_url, keys_folder):
    logs.configure("INFO")  # to the standard error: the first line of output is the port
    settings = Settings(
        data_dir=keys_folder.parent, postgres_url=postgres_url, keys_dir=keys_folder
    )
    async with (
        composition.money(settings, owner=str(new_id())) as application,
        door(application, host="127.0.0.1", port=0) as port,
    ):
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
