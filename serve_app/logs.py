"""Logs: one event a line, in JSON for machines or in words for people."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import TYPE_CHECKING, Final, TextIO

import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BEFORE: Final[Sequence[structlog.typing.Processor]] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


# In a replica Serve lays a logger of its own over sys.stderr, which would take what we say for INFO
# of its own and drop it, and another print over the builtin one, by which structlog's PrintLogger
# and its rendering of exceptions come out in pieces. So neither is used here.


def configure(level: str, file: Path | None = None) -> None:
    """Let this process log events from *level* (DEBUG, INFO, WARNING, ERROR) on.

    They are appended to *file*, where there is one and it can be written, and else go to the
    standard error, which Ray keeps per process.
    """
    stream, trouble = _opened(file)
    structlog.configure(
        processors=[
            *_BEFORE,
            structlog.processors.ExceptionRenderer(_traceback),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    if trouble is not None:
        structlog.get_logger(__name__).warning("logs.file_refused", file=str(file), reason=trouble)


def _traceback(exc_info: structlog.typing.ExcInfo) -> str:
    return "".join(traceback.format_exception(*exc_info)).rstrip()


def _opened(file: Path | None) -> tuple[TextIO, str | None]:
    """Return what is logged to, and why that is not *file* if it should have been."""
    stream, trouble = sys.__stderr__ or sys.stderr, None
    if file is not None:
        try:
            stream = file.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            trouble = error.strerror or type(error).__name__
    return stream, trouble


def configure_for_people(level: str | None) -> None:
    """Let a command line log from *level* on, beside its answers and never among them.

    A level that is unknown or None counts as INFO: what is wrong with a setting is said elsewhere.
    """
    known = logging.getLevelNamesMapping().get(level or "", logging.INFO)
    structlog.configure(
        processors=[
            *_BEFORE,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The default one shows local variables, of which some are secrets.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(known),
        # Asked each time: the standard error is a file while the platform runs in the foreground.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
