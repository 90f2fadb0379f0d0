"""Logs: one event a line on the standard error, in JSON or for people."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from gopherpay_operator.settings import LogFormat

QUIET: Final = ("kopf", "asyncio", "aiohttp", "httpx", "httpx2")
"""Libraries whose own lines are only let through from WARNING on."""

REPEATED: Final = ("Request attempt", "OS signals are ignored")
"""How Kopf begins what it says at every try; our own lines say once that the server is away."""


class _Unrepeated(logging.Filter):
    """Holds back what would be said again and again."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether *record* says something that is not known."""
        return not record.getMessage().startswith(REPEATED)


def configure(level: str, format_: LogFormat) -> None:
    """Let this process log events from *level* (DEBUG, INFO, WARNING, ERROR) on.

    What libraries log through the standard module comes out in the same form.
    """
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    shown: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if format_ == "json"
        else structlog.dev.ConsoleRenderer(
            colors=False, exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[*before, shown],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _adopt_libraries(level, before, shown)


def _adopt_libraries(
    level: str, before: list[structlog.typing.Processor], shown: structlog.typing.Processor
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Unrepeated())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, shown],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
