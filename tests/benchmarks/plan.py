"""What a load is to send, and what came of it: the two messages of the load generator."""

from __future__ import annotations

import re
from operator import itemgetter
from typing import Final, Literal

import msgspec

Scenario = Literal[
    "uniform",
    "zipf",
    "hot-debit",
    "hot-credit",
    "ping-pong",
    "bulk-10",
    "bulk-100",
    "bulk-1000",
    "mixed",
    "log-ins",
]
SCENARIOS: tuple[Scenario, ...] = Scenario.__args__  # type: ignore[attr-defined]
BULK_PREFIX: Final = "bulk-"

FIELDS: Final = (
    "key",
    "source",
    "destination",
    "token",
    "n",
    "amount",
    "currency",
    "account",
    "transfer",
    "items",
    "length",
)
"""What a template may name, in the order in which `Form.fill` takes the values."""

PLACE = re.compile(rf"\{{({'|'.join(FIELDS)})\}}")
JSON = {"Authorization": "Bearer {token}", "Content-Type": "application/json"}
TRANSFER = (
    '{"source_account_id":"{source}","destination_account_id":"{destination}",'
    '"amount":"{amount}","currency":"{currency}"}'
)


class Template(msgspec.Struct, frozen=True):
    """A request with places in braces; only the names in `FIELDS` are places."""

    path: str
    method: str = "POST"
    headers: dict[str, str] = msgspec.field(default_factory=lambda: dict(JSON))
    body: str = ""


class Api(msgspec.Struct, frozen=True):
    """How a system is asked, and how its answers are read.

    Attributes:
        bulk: Its place {items} takes the *item* of each transfer, separated by commas.
        reads: What the load `mixed` reads, in turn; {account} and {transfer} are places there.
        done: The statuses that say a transfer is committed.
        unknown: The statuses that leave open whether it is.
        id_mark: What stands before the transfer's id in an answer; without it none is read.
    """

    transfer: Template = Template(
        "/v1/transfers", headers={**JSON, "Idempotency-Key": "{key}"}, body=TRANSFER
    )
    bulk: Template | None = None
    item: str = '{"idempotency_key":"{key}",' + TRANSFER[1:]
    reads: list[Template] = []
    done: tuple[int, ...] = (201,)
    unknown: tuple[int, ...] = (504,)
    id_mark: str = '"id":"'
    id_length: int = 36


class Phase(msgspec.Struct, frozen=True):
    """A time in which requests arrive at a constant rate."""

    per_second: float
    seconds: float


class LogIns(msgspec.Struct, frozen=True):
    """Log-ins that are offered beside the load, by an open loop of their own."""

    bodies: list[str]
    per_second: float
    path: str = "/v1/auth/login"


class Plan(msgspec.Struct, frozen=True):
    """What to send where.

    Attributes:
        tokens: The bearer credential of each user.
        accounts: Account ids, and in *owners* each one's place in *tokens*.
        key_prefix: Begins every idempotency key, and belongs to this plan alone.
        connections: Of the closed loop; the most that an open loop may open.
        seconds: Of the closed loop; *phases* say it for an open one.
        phases: With any, requests arrive by the clock (open loop).
        answers_max: Ends the load early; with 0 only the time does.
    """

    host: str
    port: int
    tokens: list[str]
    accounts: list[str]
    owners: list[int]
    scenario: Scenario
    key_prefix: str
    connections: int
    seconds: float
    api: Api = Api()
    phases: list[Phase] = []
    log_ins: LogIns | None = None
    currency: str = "USD"
    amount: str = "0.01"
    answers_max: int = 0
    seed: int = 1

    @property
    def lasts_seconds(self) -> float:
        """Return how long requests are sent."""
        return sum(phase.seconds for phase in self.phases) or self.seconds


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came back.

    Attributes:
        seconds: From the first request to the last answer.
        latencies_ms: One of each answer; in an open loop from when it was due to be sent.
        starts_seconds: When each of these began, after the first.
        statuses: The status of each of these.
        codes: Transfers by status: the items of a bulk have their own.
        created: Transfers that were acknowledged.
        created_ids: Their ids, where the system tells them.
        reads: Reads that were answered with 200.
        unknown: Transfers that may have been done or not: no answer, or one that says so.
        not_sent: What an open loop could not send: every connection was in use.
        log_in_codes: Log-ins by status.
        cpu_seconds: What this generator used itself.
        phase_cpu_seconds: The same of each phase of an open loop.
    """

    seconds: float
    latencies_ms: list[float]
    created: int
    created_ids: list[str]
    codes: dict[str, int]
    unknown: int = 0
    starts_seconds: list[float] = []
    statuses: list[int] = []
    reads: int = 0
    not_sent: int = 0
    log_in_codes: dict[str, int] = {}
    cpu_seconds: float = 0.0
    phase_cpu_seconds: list[float] = []

    @property
    def refused(self) -> int:
        """Return how many transfers were answered by something else."""
        return sum(self.codes.values()) - self.created


class Form:
    """A text with places, made ready to be filled cheaply."""

    def __init__(self, text: str) -> None:
        places = [FIELDS.index(name) for name in PLACE.findall(text)]
        self._form = PLACE.sub("%b", text.replace("%", "%%")).encode()
        self._pick = itemgetter(*places) if places else lambda _values: ()

    def fill(self, values: tuple[bytes, ...]) -> bytes:
        """Return the text with *values*, given in the order of `FIELDS`."""
        return self._form % self._pick(values)


def bulk_size(scenario: str) -> int:
    """Return how many transfers a request of *scenario* carries; 0 if it is no bulk."""
    return int(scenario.removeprefix(BULK_PREFIX)) if scenario.startswith(BULK_PREFIX) else 0
