"""Runs one broker in the foreground until a signal comes; what scripts/kafka does."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from serve_app.embedded.data_folder import held
from serve_app.embedded.failures import StartFailure
from serve_app.embedded.kafka import EmbeddedKafka

if TYPE_CHECKING:
    from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCH_SECONDS = 0.2
PORT_MAX = 65_535


class Stopped(BaseException):
    """Somebody asked us to stop."""


def main() -> int:
    """Run the broker and return the exit code."""
    options = _options()
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        _run(options.data_dir.absolute(), options.port)
    except Stopped:
        _say("Stopped; the data is kept.")
        return 0
    except StartFailure as failure:
        _say(str(failure))
        return 1


def _run(folder: Path, port: int | None) -> NoReturn:
    log_file = folder / "kafka.log"
    with ExitStack() as parts:
        parts.enter_context(held(folder))
        broker = EmbeddedKafka(folder / "kafka", port=port, log_file=log_file, report=_say)
        parts.callback(broker.stop)
        parts.callback(_ignore_signals)  # first of all: the ending must not be torn
        broker.start()
        _say("Kafka is ready; Ctrl-C stops it. Its address:")
        sys.stdout.write(f"{broker.bootstrap_servers}\n")
        sys.stdout.flush()
        while broker.is_running:
            time.sleep(WATCH_SECONDS)  # until a signal ends it
        raise StartFailure(f"Kafka ended by itself; its log is {log_file}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/kafka")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=_port)
    return parser.parse_args()


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"a port is 1 to {PORT_MAX}")
    return number


def _stop(_number: int, _frame: FrameType | None) -> None:
    _ignore_signals()
    raise Stopped


def _ignore_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
