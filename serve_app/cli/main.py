"""The console script ``gopherpay``, and the one place where a failure becomes one sentence."""

from __future__ import annotations

import os
import sys
from typing import Final

import typer
from typer.exceptions import Abort, TyperException

from actors.settings import PREFIX
from serve_app import logs
from serve_app.cli import terminal
from serve_app.cli.await_schema import await_schema_command
from serve_app.cli.backup import backup, restore_drill
from serve_app.cli.config import config
from serve_app.cli.demo import demo
from serve_app.cli.events import events_app
from serve_app.cli.events_effects import effect
from serve_app.cli.keys import keys
from serve_app.cli.load import load
from serve_app.cli.migrate import migrate
from serve_app.cli.operators import operators
from serve_app.cli.scale import scale
from serve_app.cli.up import up
from serve_app.cli.verify import verify
from serve_app.cli.version import version
from serve_app.embedded.failures import StartFailure

FAILED: Final = 1
INTERRUPTED: Final = 130

app = typer.Typer(
    name="gopherpay",
    help="A payment platform.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in (up, demo, migrate, verify, load, version, config):
    app.command()(verb)
app.command("await-schema")(await_schema_command)
app.command()(backup)
app.command("restore-drill")(restore_drill)
app.add_typer(operators, name="operators")
app.add_typer(keys, name="keys")
app.add_typer(scale, name="scale")
app.add_typer(events_app(effect), name="events")


def main() -> None:
    """Run the verb that the command line names and end with its exit code."""
    logs.configure_for_people(os.environ.get(f"{PREFIX}LOG_LEVEL"))
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code; never show a traceback."""
    try:
        code = app(arguments, standalone_mode=False)
    except StartFailure as failure:
        terminal.complain(str(failure))
        return FAILED
    except TyperException as wrong_usage:
        terminal.complain(f"{wrong_usage.format_message().rstrip('.')}.")
        return wrong_usage.exit_code
    except (Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Exception as mistake:  # noqa: BLE001 - the last one to catch
        terminal.complain_about(mistake)
        return FAILED
    return code if isinstance(code, int) else 0
