"""The requests of a plan: whole, each under a key of its own, made cheaply."""

from __future__ import annotations

import random
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from tests.benchmarks.plan import Form, bulk_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.plan import LogIns, Plan, Template

KEY_DIGITS = 10
ZIPF_EXPONENT = 1.0
DRAWN_AT_ONCE = 1_024
READS_OF_FIVE = 4  # the load "mixed" reads four times for each transfer
RECENT_MAX = 1_024

Pair = tuple[int, int]


class Request(NamedTuple):
    """A request, how many transfers it asks for (a read: none), and who asks."""

    payload: bytes
    transfers: int
    owner: int


class Recent:
    """Transfers that were acknowledged lately, for reads to ask for."""

    def __init__(self) -> None:
        self._kept: list[tuple[bytes, int]] = []
        self._seen = 0

    def add(self, transfer_id: bytes, owner: int) -> None:
        """Keep a transfer; beyond the limit it takes the place of the oldest."""
        if len(self._kept) < RECENT_MAX:
            self._kept.append((transfer_id, owner))
        else:
            self._kept[self._seen % RECENT_MAX] = (transfer_id, owner)
        self._seen += 1

    def pick(self, number: int) -> tuple[bytes, int] | None:
        """Return one of them; None before there is any."""
        return self._kept[number % len(self._kept)] if self._kept else None


def requests(plan: Plan, recent: Recent) -> Iterator[Request]:
    """Return the requests of *plan*, without end."""
    writer = _Writer(plan)
    if size := bulk_size(plan.scenario):
        return writer.bulks(size)
    if plan.scenario == "mixed":
        return _mixed(writer.transfers(), _reads(plan, recent))
    return writer.transfers()


def log_ins(plan: Plan, asked: LogIns) -> Iterator[Request]:
    """Yield log-ins of one person after another, without end."""
    head = f"POST {asked.path} HTTP/1.1\r\nHost: {plan.host}:{plan.port}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: "
    whole = [f"{head}{len(body.encode())}\r\n\r\n{body}".encode() for body in asked.bodies]
    while True:
        for payload in whole:
            yield Request(payload, 0, 0)


def pairs(plan: Plan) -> Iterator[Pair]:
    """Return places of source and destination, which always differ, without end."""
    count = len(plan.accounts)
    chance = random.Random(plan.seed)  # noqa: S311  a load, not a secret
    if plan.scenario == "ping-pong":
        return _ping_pong()
    if plan.scenario == "zipf":
        return _zipf(chance, count)
    return _even(chance, count, plan.scenario)


class _Writer:
    """Writes the transfers of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sides = [account.encode() for account in plan.accounts]
        self._tokens = [token.encode() for token in plan.tokens]
        self._constant = (plan.amount.encode(), plan.currency.encode(), b"", b"")
        self._prefix = plan.key_prefix.encode()
        self._number = 0

    def transfers(self) -> Iterator[Request]:
        """Yield single transfers."""
        head, body = _forms(self._plan, self._plan.api.transfer)
        owners = self._plan.owners
        for source, destination in pairs(self._plan):
            owner = owners[source]
            values = self._values(owner, source, destination)
            written = body.fill((*values, b""))
            payload = head.fill((*values, b"", b"%d" % len(written))) + written
            yield Request(payload, 1, owner)

    def bulks(self, size: int) -> Iterator[Request]:
        """Yield bulks; one user after another pays for a whole one.

        Raises:
            ValueError: If the system has no bulks.
        """
        if self._plan.api.bulk is None:
            raise ValueError("this system has no bulks")
        head, body = _forms(self._plan, self._plan.api.bulk)
        item = Form(self._plan.api.item)
        payers = _by_owner(self._plan)
        chance = random.Random(self._plan.seed)  # noqa: S311  a load, not a secret
        while True:
            for owner, mine in payers.items():
                items = [
                    item.fill(self._values(owner, *_from(mine, len(self._sides), chance)))
                    for _ in range(size)
                ]
                values = (*self._values(owner, 0, 0), b",".join(items))
                written = body.fill(values)
                yield Request(head.fill((*values, b"%d" % len(written))) + written, size, owner)

    def _values(self, owner: int, source: int, destination: int) -> tuple[bytes, ...]:
        """Return the values of every field but the last two, under the next key."""
        self._number += 1
        key = b"%b%0*d" % (self._prefix, KEY_DIGITS, self._number)
        sides, token = self._sides, self._tokens[owner]
        number = b"%d" % self._number
        return (key, sides[source], sides[destination], token, number, *self._constant)


def _forms(plan: Plan, template: Template) -> tuple[Form, Form]:
    """Return head and body; a request without a body states no length."""
    headers = {"Host": f"{plan.host}:{plan.port}", **template.headers}
    if template.body:
        headers["Content-Length"] = "{length}"
    lines = [f"{template.method} {template.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return Form("\r\n".join([*lines, "", ""])), Form(template.body)


def _mixed(transfers: Iterator[Request], reads: Iterator[Request]) -> Iterator[Request]:
    while True:
        yield next(transfers)
        for _ in range(READS_OF_FIVE):
            yield next(reads)


def _reads(plan: Plan, recent: Recent) -> Iterator[Request]:
    """Yield reads of any account, and of recent transfers once there are some."""
    chance = random.Random(plan.seed)  # noqa: S311  a load, not a secret
    heads = [(_forms(plan, each)[0], "{transfer}" in each.path) for each in plan.api.reads]
    number = 0
    while True:
        for head, of_transfer in heads:
            number += 1
            place = chance.randrange(len(plan.accounts))
            known = recent.pick(number) if of_transfer else (b"", plan.owners[place])
            if known is None:
                continue
            transfer, owner = known
            account, token = plan.accounts[place].encode(), plan.tokens[owner].encode()
            values = (b"", b"", b"", token, b"%d" % number, b"", b"", account, transfer, b"", b"")
            yield Request(head.fill(values), 0, owner)


def _ping_pong() -> Iterator[Pair]:
    while True:
        yield 0, 1
        yield 1, 0


def _even(chance: random.Random, count: int, scenario: str) -> Iterator[Pair]:
    pick, is_hot = chance.randrange, scenario in {"hot-debit", "hot-credit"}
    while True:
        one = 0 if is_hot else pick(count)
        other = (one + pick(1, count)) % count
        yield (other, one) if scenario == "hot-credit" else (one, other)


def _zipf(chance: random.Random, count: int) -> Iterator[Pair]:
    """Yield pairs in which the account of rank r is 1/r as likely as the first, on both sides."""
    weights = list(accumulate(1 / rank**ZIPF_EXPONENT for rank in range(1, count + 1)))
    places = range(count)
    while True:
        drawn = chance.choices(places, cum_weights=weights, k=2 * DRAWN_AT_ONCE)
        for one, other in zip(drawn[::2], drawn[1::2], strict=True):
            if one != other:
                yield one, other


def _by_owner(plan: Plan) -> dict[int, Sequence[int]]:
    owned: dict[int, list[int]] = {}
    for place, owner in enumerate(plan.owners):
        owned.setdefault(owner, []).append(place)
    return owned


def _from(mine: Sequence[int], count: int, chance: random.Random) -> Pair:
    one = mine[chance.randrange(len(mine))]
    return one, (one + chance.randrange(1, count)) % count
