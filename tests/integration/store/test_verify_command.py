"""``gopherpay verify`` tells a person, a script and the platform what the books say."""

import asyncio
import json

import psycopg
import pytest

from actors.store import books
from serve_app.cli.main import run


@pytest.fixture
async def ada(bank):
    return await bank.wallet(1_250)


@pytest.fixture
async def broken(ada, owner):
    await owner.execute("UPDATE accounts SET balance_minor = 9 WHERE id = %s", (ada,))
    return ada


async def _verify(database, *options):
    return await asyncio.to_thread(run, ["verify", "--postgres-url", database.owner_dsn, *options])


@pytest.mark.usefixtures("ada")
async def test_right_books_are_a_short_table_and_exit_zero(database, bank, capsys):
    code = await _verify(database)
    said = capsys.readouterr()

    assert code == 0
    assert "The books are right" in said.out
    assert "USD" in said.out
    assert "money is neither made nor lost" in said.err
    assert (await books.Verifications(bank.pool).last()).is_clean


async def test_wrong_books_are_named_and_exit_one(database, broken, bank, capsys):
    code = await _verify(database)
    said = capsys.readouterr().out

    assert code == 1
    assert f"I4 balance-is-sum: account {broken}: found balance 9" in said
    assert (await books.Verifications(bank.pool).last()).discrepancies == 1


async def test_a_script_reads_json(database, broken, capsys):
    code = await _verify(database, "--json")
    told = json.loads(capsys.readouterr().out)

    assert (code, told["discrepancies"], told["currencies"]) == (1, 1, {"USD": 0})
    assert told["findings"][0]["subject"] == f"account {broken}"


@pytest.mark.usefixtures("ada")
async def test_a_login_that_may_only_read_verifies_too(database, capsys):
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON book_verifications FROM gopherpay_app")
    code = await asyncio.to_thread(run, ["verify", "--postgres-url", database.app_dsn])

    assert code == 0
    assert "not kept" in capsys.readouterr().err


async def test_a_database_without_books_is_one_sentence(empty_database, capsys):
    code = await _verify(empty_database)

    assert code == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("'gopherpay migrate' makes them.")


async def test_a_dead_database_is_one_sentence(capsys):
    dead = "postgresql://nobody@127.0.0.1:1/none"
    code = await asyncio.to_thread(run, ["verify", "--postgres-url", dead])

    assert code == 1
    assert capsys.readouterr().err.splitlines()[-1] == "The database does not answer."
