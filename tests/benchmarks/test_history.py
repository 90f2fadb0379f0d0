"""A loaded history is one that the platform could have written."""

import psycopg
import pytest

from actors.store import books
from tests.benchmarks.history import History

OWNERS = ("00000000-0000-7000-8000-000000000001", "00000000-0000-7000-8000-000000000002")


def shape(dsn):
    """Return every index and constraint of the books."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT c.conname, pg_get_constraintdef(c.oid) FROM pg_constraint c"
            " WHERE c.conrelid IN ('accounts'::regclass, 'transfers'::regclass,"
            " 'postings'::regclass, 'idempotency_keys'::regclass)"
            " UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " ORDER BY 1, 2"
        ).fetchall()


@pytest.mark.parametrize("postings", [20, 400, 1_000])
def test_the_books_of_a_loaded_history_are_right(database, postings):
    history = History(accounts=10, postings=postings, owners=OWNERS)

    history.load(database.owner_dsn, lambda _: None)
    report = books.verify(database.owner_dsn, progress=lambda _title, _done: None)

    assert report.findings == ()
    assert report.postings == postings
    assert report.transfers == postings // 2


def test_postings_are_rounded_up_to_whole_rounds(database):
    history = History(accounts=7, postings=15, owners=OWNERS)

    history.load(database.owner_dsn, lambda _: None)

    assert history.transfers == 14
    assert books.verify(database.owner_dsn, progress=lambda _title, _done: None).is_clean


def test_indexes_and_keys_are_there_again_afterwards(database):
    before = shape(database.owner_dsn)

    found = History(accounts=5, postings=30, owners=OWNERS).load(database.owner_dsn, lambda _: None)

    assert shape(database.owner_dsn) == before
    assert len({account for account, _ in found}) == 5
    assert {str(owner) for _, owner in found} == set(OWNERS)
