"""How the command line speaks: results to stdout, progress and complaints to stderr."""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def out() -> Console:
    """Return the console for results."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def err() -> Console:
    """Return the console for progress and complaints."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Both consoles of one verb, kept while Ray's own lines are sent elsewhere."""

    out: Console
    err: Console


def terminal() -> Terminal:
    """Return the consoles on the streams as they are now."""
    return Terminal(out(), err())


def complain(sentence: str) -> None:
    """Say why it did not work, in one sentence without markup."""
    err().print(sentence, markup=False, style="red" if err().is_terminal else None)


def complain_about(error: BaseException) -> None:
    """Keep the traceback of a mistake of ours in a file and name the file."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="gopherpay-crash-", suffix=".log", delete=False, encoding="utf-8"
    ) as file:
        traceback.print_exception(error, file=file)
    complain(f"GopherPay failed unexpectedly; the details are in {file.name}.")


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Yield a function that says what happens now, with the seconds since the beginning.

    One moving line on a terminal, plain lines elsewhere.
    """
    console = err()
    if not console.is_terminal:
        began = time.monotonic()
        yield lambda text: console.print(f"{time.monotonic() - began:5.1f} s  {text}", markup=False)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda text: bar.update(task, description=text)
