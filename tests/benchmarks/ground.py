"""What all systems of one run share: a folder that is removed at the end, and one Postgres."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from serve_app.embedded.ports import free_port
from serve_app.embedded.postgres import EmbeddedPostgres
from tests.benchmarks.systems import BenchFailure

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Ground:
    """A folder and a running Postgres."""

    folder: Path
    postgres: EmbeddedPostgres


@contextmanager
def ground() -> Iterator[Ground]:
    """Yield a folder and a running Postgres; on a failure the folder is kept for its logs."""
    folder = Path(tempfile.mkdtemp(prefix="gopherpay-bench-"))
    folder.chmod(0o711)  # the account that Postgres runs as may pass
    postgres = EmbeddedPostgres(
        folder / "postgres", port=free_port(), log_file=folder / "postgres.log"
    )
    try:
        say("starting Postgres with durable settings")
        postgres.start()
        yield Ground(folder, postgres)
    except BenchFailure:
        postgres.stop()
        say(f"every log is kept in {folder}")
        raise
    except BaseException:
        postgres.stop()
        shutil.rmtree(folder)
        raise
    postgres.stop()
    shutil.rmtree(folder)


def database(here: Ground, name: str) -> str:
    """Make a database and return its address."""
    with psycopg.connect(here.postgres.superuser_dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return here.postgres.dsn(name)


def say(line: str) -> None:
    """Tell how far it is, beside the result."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()
