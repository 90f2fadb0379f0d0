"""Answers of brokers that pass by themselves, such as while a partition gets another leader."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from actors.messaging.connection import error_of

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PASSING: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError._TRANSPORT,  # noqa: SLF001  the library's public names begin so
    }
)
PATIENCE_SECONDS: Final = 15.0
PAUSE_SECONDS: Final = 0.2


def patiently(ask: Callable[[], T]) -> T:
    """Return what *ask* returns, asked again while the brokers' answer is one that passes.

    Blocks; for a thread of one's own.

    Raises:
        KafkaException: If it does not pass.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error_of(error).code() not in PASSING or time.monotonic() > until:
                raise
        time.sleep(PAUSE_SECONDS)  # in a thread of ours; the brokers settle among themselves
