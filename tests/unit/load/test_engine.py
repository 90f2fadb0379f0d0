import json

import pytest

from serve_app.load.engine import EngineFailed, EngineMissing, Job, find_engine, parse, send
from serve_app.load.tally import Answer, Tally
from serve_app.load.town import Town
from tests.unit.load.test_plan import a_plan

TOWN = Town(users=("key-a", "key-b"), accounts=tuple(f"{n:036d}" for n in range(10)))


@pytest.fixture
def engine(tmp_path):
    """Return a function that makes a program which stands for k6 and does what it is told."""

    def an_engine(script):
        program = tmp_path / "k6"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        return str(program)

    return an_engine


def a_job(**more):
    return Job("http://127.0.0.1:1", TOWN, a_plan(**more), "load-1")


def test_a_line_holds_many_answers():
    line = "@12,T,201,3.50,1,an-id;40,A,503,0.25,0,overloaded;"

    assert list(parse(line)) == [
        Answer(12, "T", 201, 3.5, 1, "an-id"),
        Answer(40, "A", 503, 0.25, 0, "overloaded"),
    ]


def test_a_job_carries_what_the_script_needs_and_a_closed_loop_has_no_rate():
    text = json.loads(a_job().text())

    assert text["rate"] == 0
    assert text["users"] == ["key-a", "key-b"]
    assert len(text["accounts"]) == 36 * len(TOWN.accounts)
    assert json.loads(a_job(rate_per_second=7.5).text())["rate"] == 7.5


async def test_answers_are_counted_and_each_complete_second_is_told_once(engine):
    program = engine(
        "echo '@100,T,201,1.00,0,a;'; echo 'noise'; echo '@2500,T,201,2.00,0,b;'; echo '#3'"
    )
    tally, told = Tally(0, 3), []

    await send(program, a_job(), tally, told.append)

    assert tally.acknowledged == 2
    assert tally.unsent == 3
    assert [second for second in told if second is not None] == [0, 1, 2]


async def test_an_engine_that_fails_is_heard_to_its_last_words(engine):
    program = engine("echo 'out of sockets' >&2; exit 107")

    with pytest.raises(EngineFailed, match="code 107: out of sockets"):
        await send(program, a_job(), Tally(0, 1), print)


def test_a_missing_engine_says_how_to_install_it(tmp_path):
    with pytest.raises(EngineMissing, match=r"pip install 'gopherpay\[load\]'"):
        find_engine(python=str(tmp_path / "python"), path=str(tmp_path))


def test_the_engine_beside_python_comes_before_the_one_on_the_path(engine, tmp_path):
    program = engine("exit 0")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "k6").symlink_to(program)

    assert find_engine(python=str(tmp_path / "python"), path=str(elsewhere)) == program
    assert find_engine(python="/nowhere/python", path=str(elsewhere)) == str(elsewhere / "k6")


async def test_where_nobody_listens_each_try_is_an_error_and_nothing_hurries():
    tally = Tally(0, 1)

    job = a_job(connections=2, seconds=1, ramp_seconds=0)
    await send(find_engine(), job, tally, lambda _second: None)

    assert set(tally.errors) == {"not-connected"}
    assert tally.errors.total() <= 2 * 6  # each connection pauses for a fifth of a second
