"""``gopherpay events parked`` lists what waits, and ``unpark`` lets it go or gives it up."""

import asyncio

import pytest
import typer

from actors.ids import new_id
from actors.ports.events import LANES, START
from actors.store.outbox_reading import PostgresOutbox
from actors.store.parked import PostgresParked, parked_subjects
from serve_app.cli.events_parked import app

FACT = """
INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload)
VALUES (8, 'account', %s, 'dev.gopherpay.account.opened.v1', '{}')
"""


@pytest.fixture
async def parked(bank, owner):
    """Park two events of one subject and return its id."""
    subject_id = new_id()
    for _ in range(2):
        await owner.execute(FACT, (subject_id,))
    outbox = PostgresOutbox(bank.pool)
    await outbox.hold("relay", LANES)
    events = await outbox.read([0], START, limit=10)
    await PostgresParked(outbox.session).park(
        "relay", events, "MSG_SIZE_TOO_LARGE", wait_seconds=3_600
    )
    return subject_id


async def _run(database, *words):
    command = [*words, "--postgres-url", database.owner_dsn]
    return await asyncio.to_thread(app, command, standalone_mode=False)


async def test_what_waits_is_listed_with_its_reason(database, parked, capsys):
    await _run(database, "parked")
    said = " ".join(capsys.readouterr().out.split())

    assert str(parked)[:8] in said
    assert "MSG_SIZE" in said


async def test_an_empty_list_says_so(database, capsys):
    await _run(database, "parked")

    assert "No event is parked." in capsys.readouterr().out


async def test_a_subject_is_tried_again_at_once(database, parked, bank):
    [before] = await parked_subjects(bank.pool)
    await _run(database, "unpark", str(parked))
    [after] = await parked_subjects(bank.pool)

    assert after.next_attempt_at < before.next_attempt_at
    assert after.events == 2


async def test_the_first_event_is_given_up_by_name_alone(database, parked, bank, capsys):
    [before] = await parked_subjects(bank.pool)
    await _run(database, "unpark", str(parked), "--skip", "--yes")
    [after] = await parked_subjects(bank.pool)

    assert f"Event {before.seq} is given up." in capsys.readouterr().out
    assert (after.events, after.seq) == (1, before.seq + 1)


@pytest.mark.parametrize("words", [[], ["--skip", "--all"], [str(new_id()), "--all"]])
async def test_a_wish_that_says_too_little_or_too_much_is_refused(database, words):
    with pytest.raises(typer.BadParameter):
        await _run(database, "unpark", *words)
