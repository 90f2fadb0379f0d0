"""``gopherpay backup`` and ``gopherpay restore-drill``: a dump, and the proof that it is one."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from actors.store.migrate import owner_connection
from actors.store.roles import make_roles
from serve_app.cli import terminal
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.cli.verify import print_report, proved_books
from serve_app.embedded.data_folder import held
from serve_app.embedded.database import reachable_database
from serve_app.embedded.dumps import DumpFailed, dumps_in, made_at, make_dump, restore_dump
from serve_app.embedded.ports import free_port
from serve_app.embedded.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.store.books import Report

NAME: Final = "gopherpay"

Folder = Annotated[Path, typer.Option("--folder", help="The folder of the dumps.")]
Keep = Annotated[int, typer.Option(help="How many dumps are kept, the newest.", min=1)]
AgeMax = Annotated[
    float | None, typer.Option("--hours-max", min=0, help="How old the newest dump may be.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@dataclass(frozen=True, slots=True)
class Drill:
    """What a restore drill has found out."""

    dump: str
    dump_bytes: int
    age_seconds: int
    restore_seconds: float
    is_clean: bool


def backup(
    folder: Folder, keep: Keep = 14, postgres_url: PostgresUrl = None, data_dir: DataDir = None
) -> None:
    """Dump the database into a new file, and let the oldest go."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    shown = terminal.terminal()
    with reachable_database(settings) as reachable:
        path = make_dump(reachable.owner_dsn, folder, name=NAME, now=datetime.now(UTC))
    for old in dumps_in(folder, NAME)[:-keep]:
        old.unlink()
        shown.err.print(f"{old.name} was removed", markup=False)
    shown.out.print(f"{path} holds {path.stat().st_size:,} bytes.", markup=False)


def restore_drill(
    folder: Folder,
    hours_max: AgeMax = None,
    data_dir: DataDir = None,
    *,
    as_json: AsJson = False,
) -> int:
    """Restore the newest dump into a database of its own and prove the books; exit 1 if wrong.

    The database is an embedded one, made for this and removed: no server has to be free for it,
    and none can be mistaken for it.
    """
    settings = load_settings(data_dir=data_dir)
    shown = terminal.terminal()
    dump = _newest(folder, hours_max)
    with _scratch(settings.data_dir / "restore-drill") as dsn:
        began = time.monotonic()
        shown.err.print(f"restoring {dump.name}", markup=False)
        restore_dump(dump, dsn)
        seconds = time.monotonic() - began
        report = proved_books(dsn, shown)
    drill = _drill(dump, seconds, report)
    if as_json:
        shown.out.print(json.dumps({**asdict(drill), "books": report.facts()}), markup=False)
    else:
        print_report(report, shown.out)
        shown.out.print(_sentence(drill), markup=False)
    return 0 if drill.is_clean else 1


def _newest(folder: Path, hours_max: float | None) -> Path:
    """Return the newest dump of *folder*.

    Raises:
        DumpFailed: If there is none, or it is too old.
    """
    dumps = dumps_in(folder, NAME)
    if not dumps:
        raise DumpFailed(f"{folder} holds no dump; 'gopherpay backup' makes one.")
    age_hours = _age_seconds(dumps[-1]) / 3600
    if hours_max is not None and age_hours > hours_max:
        raise DumpFailed(
            f"The newest dump, {dumps[-1].name}, is {age_hours:.1f} hours old, more than "
            f"{hours_max:g}: look at why the backup has not run."
        )
    return dumps[-1]


def _age_seconds(dump: Path) -> int:
    return int((datetime.now(UTC) - made_at(dump)).total_seconds())


@contextmanager
def _scratch(folder: Path) -> Iterator[str]:
    """Yield the address of an empty database with our roles, which goes with the block."""
    with ExitStack() as parts:
        parts.enter_context(held(folder))
        parts.callback(shutil.rmtree, folder, ignore_errors=True)
        server = EmbeddedPostgres(
            folder / "postgres", port=free_port(), log_file=folder / "postgres.log"
        )
        parts.callback(server.stop)
        server.start()
        with owner_connection(server.superuser_dsn) as connection:
            make_roles(connection)
        yield server.superuser_dsn


def _drill(dump: Path, seconds: float, report: Report) -> Drill:
    return Drill(
        dump=dump.name,
        dump_bytes=dump.stat().st_size,
        age_seconds=_age_seconds(dump),
        restore_seconds=round(seconds, 3),
        is_clean=report.is_clean,
    )


def _sentence(drill: Drill) -> str:
    verdict = "and its books are right" if drill.is_clean else "and its books are WRONG"
    return (
        f"{drill.dump} ({drill.dump_bytes:,} bytes, {drill.age_seconds / 3600:.1f} hours old) "
        f"was restored in {drill.restore_seconds:.1f} s, {verdict}."
    )
