"""A flood of log-ins beside the money."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

from tests.integration.platform.load import Line, Load
from tests.integration.platform.scenes import (
    ENOUGH,
    assert_told_the_truth,
    in_a_deployment,
    marks,
)
from tests.integration.platform.town import PASSWORD

FLOOD = 100

pytestmark = marks


@in_a_deployment
async def test_a_flood_of_log_ins_is_bounded_and_slows_no_transfer_down(up):
    up.town.log_in()
    load = Load(up.address, up.town.pairs())

    async with load.running():
        await load.more(ENOUGH)
        before = load.answered
        told = await asyncio.gather(*(log_in(up, number) for number in range(FLOOD)))
        beside = load.answered - before

    codes = Counter(one.status for one in told)
    assert set(codes) <= {200, 401, 429, 503}
    assert codes[200]
    assert beside > FLOOD
    assert load.in_doubt == []
    assert_told_the_truth(up, load)


async def log_in(up, number):
    """Return the answer to a log-in; every second one is of a stranger."""
    person = up.town.people[number // 2 % len(up.town.people)]
    email = f"stranger-{number}@example.com" if number % 2 else person.email
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    line = Line(up.address, answer_seconds=30)
    head = (
        "POST /v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    try:
        return await line.ask(head.encode() + body)
    finally:
        line.close()
