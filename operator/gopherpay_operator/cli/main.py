"""The console script ``gopherpay-operator``, where a failure becomes one sentence."""

from __future__ import annotations

import os
import sys
from typing import Final, get_args

import typer
from rich.console import Console
from typer.exceptions import Abort, TyperException

from gopherpay_operator.backends.ports import BackendFailure
from gopherpay_operator.cli.documents import Unreadable
from gopherpay_operator.cli.held import held
from gopherpay_operator.cli.plan import plan
from gopherpay_operator.cli.run import CannotRun
from gopherpay_operator.cli.run import run as run_operator
from gopherpay_operator.observability import logs
from gopherpay_operator.settings import LogLevel

FAILED: Final = 1
INTERRUPTED: Final = 130

app = typer.Typer(
    name="gopherpay-operator",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(plan)
app.command("run")(run_operator)
app.command()(held)


@app.callback()
def about() -> None:
    """Keep what is outside as it is written down: topics, databases, roles, migrations, Novu."""


def main() -> None:
    """Run the verb that the command line names and end with its exit code.

    Until 'run' knows its settings, whatever is logged stays out of answers on standard output.
    """
    level = os.environ.get("GOPHERPAY_OPERATOR_LOG_LEVEL", "")
    logs.configure(level if level in get_args(LogLevel) else "INFO", "console")
    sys.exit(run())


def run(arguments: list[str] | None = None) -> int:
    """Run one command line and return its exit code; a wrong one is a failure too."""
    try:
        code = app(arguments, standalone_mode=False)
    except (BackendFailure, CannotRun, Unreadable) as failure:
        return _complain(str(failure))
    except TyperException as wrong_usage:
        # Typer's own code for wrong usage is 2, which here says that something differs.
        return _complain(f"{wrong_usage.format_message().rstrip('.')}.")
    except (Abort, KeyboardInterrupt):
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _complain(sentence: str) -> int:
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(sentence)
    return FAILED
