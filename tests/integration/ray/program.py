"""A Ray of its own with shards as Serve replicas; writes what was seen, as JSON.

A program apart, because Ray reads its settings when it is imported and a test run imports it once.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from serve_app.embedded.ports import free_port
from serve_app.embedded.ray_instance import RayInstance


def main(*dsns):
    with tempfile.TemporaryDirectory(prefix="gp-ray-") as name:
        folder = Path(name)
        token_file = folder / "token"
        ray = RayInstance(owner=folder, token_file=token_file, log_folder=folder / "logs")
        ray.start(host="127.0.0.1", port=free_port())
        try:
            from tests.integration.ray.scene import run  # noqa: PLC0415  imports Ray

            # Not closed before Ray is: Serve says goodbye on the loop of its handles.
            runner = asyncio.Runner()
            seen = run(runner, dsns, ray.dashboard_url, token_file.read_text())
        finally:
            ray.stop()
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
