"""What callers and shards say to each other, as values and as bytes.

One message carries many turns: a Ray call costs more than a movement does.
The domain's dataclasses are encoded as they are; packing them as tuples saved bytes and cost time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import msgspec

from actors.domain.transfers import Movement, Outcome
from actors.domain.values import value


class Status(IntEnum):
    """What became of a turn."""

    DONE = 0
    """Decided and durable; the outcome is attached."""
    MOVED = 1
    """Not executed: this shard does not own the account's slot."""
    OVERLOADED = 2
    """Not executed: no room, no time or no database; repeat later."""
    UNKNOWN = 3
    """Perhaps executed: repeat under the same key to learn it."""


@value
class Answer:
    """The answer to one turn; an outcome exactly when it is done."""

    status: Status
    outcome: Outcome | None = None
    retry_after_seconds: int = 0


MOVED: Final = Answer(Status.MOVED)
UNKNOWN: Final = Answer(Status.UNKNOWN)


def done(outcome: Outcome) -> Answer:
    """Return the answer that carries *outcome*."""
    return Answer(Status.DONE, outcome)


def overloaded(retry_after_seconds: int = 1) -> Answer:
    """Return the answer that asks to come back later."""
    return Answer(Status.OVERLOADED, retry_after_seconds=retry_after_seconds)


@dataclass(frozen=True, slots=True)
class Call:
    """A list of movements for one shard.

    Attributes:
        remaining_ms: For each movement how long its caller still waits; clocks of two
            machines are never compared.
    """

    movements: list[Movement]
    remaining_ms: list[int]


_ENCODER: Final = msgspec.msgpack.Encoder(uuid_format="bytes")
_CALL: Final = msgspec.msgpack.Decoder(Call)
_ANSWERS: Final = msgspec.msgpack.Decoder(list[Answer])


def encode_call(call: Call) -> bytes:
    """Return *call* as bytes."""
    return _ENCODER.encode(call)


def decode_call(data: bytes) -> Call:
    """Return the call that *data* holds.

    Raises:
        msgspec.DecodeError: If it holds none.
    """
    return _CALL.decode(data)


def encode_answers(answers: list[Answer]) -> bytes:
    """Return *answers* as bytes."""
    return _ENCODER.encode(answers)


def decode_answers(data: bytes) -> list[Answer]:
    """Return the answers that *data* holds.

    Raises:
        msgspec.DecodeError: If it holds none.
    """
    return _ANSWERS.decode(data)
