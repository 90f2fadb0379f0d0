"""Print a digest of what the project depends on, by which a stale lock is known."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def digest() -> str:
    """Return what the locks must have been made from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    operator = (ROOT / "operator/requirements.in").read_text(encoding="utf-8")
    wishes = [project["project"]["dependencies"], project["dependency-groups"]["dev"], operator]
    return hashlib.sha256(json.dumps(wishes).encode()).hexdigest()


if __name__ == "__main__":
    print(digest())
