"""The ordinary account that Postgres runs as when we are root, which Postgres refuses to be."""

from __future__ import annotations

import os
import pwd
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UNPRIVILEGED_NAME = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a child process runs as; ``None`` for both ids means: as ourselves."""

    name: str
    user_id: int | None
    group_id: int | None

    def own(self, path: Path) -> None:
        """Give *path* to this account."""
        if self.user_id is not None and self.group_id is not None:
            os.chown(path, self.user_id, self.group_id)

    def can(self, permission: str, path: Path) -> bool:
        """Tell whether this account may read, write or enter *path* (``r``, ``w``, ``x``).

        The kernel is asked by a process of that account, since parents and access lists count too.
        """
        finished = subprocess.run(
            ["/usr/bin/test", f"-{permission}", str(path)],
            check=False,
            cwd="/",
            user=self.user_id,
            group=self.group_id,
            extra_groups=None if self.user_id is None else [],
        )
        return finished.returncode == 0


def postgres_account() -> Account:
    """Return the account that the embedded Postgres runs as."""
    if os.geteuid() != 0:
        return Account(name="this account", user_id=None, group_id=None)
    entry = pwd.getpwnam(UNPRIVILEGED_NAME)
    return Account(name=UNPRIVILEGED_NAME, user_id=entry.pw_uid, group_id=entry.pw_gid)
