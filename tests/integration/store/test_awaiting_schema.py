"""Whoever may not migrate waits for somebody who may."""

import threading

import pytest

from actors.settings import Settings
from actors.store.migrate import expected_revision, upgrade
from serve_app.cli.migration import MigrationFailed, await_schema

LONG_ENOUGH_SECONDS = 90


def settings_of(database):
    return Settings(postgres_url=database.owner_dsn)


def test_the_wait_is_over_at_once_where_the_schema_is_there(database):
    said = []

    await_schema(settings_of(database), said.append, seconds_max=0)

    assert said == []


def test_the_wait_ends_when_somebody_migrates(empty_database):
    seen = threading.Event()
    migration = threading.Thread(
        target=lambda: seen.wait(LONG_ENOUGH_SECONDS) and upgrade(empty_database.owner_dsn)
    )
    migration.start()

    await_schema(
        settings_of(empty_database),
        lambda _said: seen.set(),  # only now, so that there was something to wait for
        seconds_max=LONG_ENOUGH_SECONDS,
    )

    migration.join()
    assert seen.is_set()


def test_a_wait_in_vain_says_for_what(empty_database):
    with pytest.raises(MigrationFailed, match=f"not at schema {expected_revision()}"):
        await_schema(settings_of(empty_database), lambda _: None, seconds_max=0)


def test_a_database_that_does_not_answer_is_waited_for_as_well():
    nowhere = Settings(postgres_url="postgresql://127.0.0.1:1/x")

    with pytest.raises(MigrationFailed, match="no answer"):
        await_schema(nowhere, lambda _: None, seconds_max=0)
