"""Errors survive the way between processes and never change their names."""

import importlib
import pickle
from dataclasses import fields

import pytest

from actors.domain import errors
from actors.domain.errors import REFUSALS_BY_CODE, GopherPayError, Refused

importlib.import_module("actors.domain.errors_identity")


def _leaves(family):
    for child in family.__subclasses__():
        yield from _leaves(child)
        if not child.__subclasses__():
            yield child


LEAVES = sorted(
    {leaf for leaf in _leaves(GopherPayError) if leaf.__module__.startswith("actors.domain")},
    key=lambda leaf: leaf.__qualname__,
)
SAMPLES = {"int": 7, "str": "seven", "str | None": None, "bool": True}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_an_error_crosses_processes_whole(leaf):
    facts = {field.name: SAMPLES[str(field.type)] for field in fields(leaf)}
    error = leaf(**facts)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(copy) is leaf
    assert copy.facts() == facts
    assert leaf.code in str(copy)


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_an_error_has_a_title_and_a_code_of_its_family_or_its_own(leaf):
    assert leaf.__doc__.splitlines()[0].endswith(".")
    assert leaf.code == leaf.code.lower()


def test_every_kept_refusal_can_be_read_back():
    refusals = {
        leaf for leaf in LEAVES if issubclass(leaf, Refused) and leaf.__module__ == errors.__name__
    }

    assert set(REFUSALS_BY_CODE.values()) == refusals
    assert all(leaf.code == code for code, leaf in REFUSALS_BY_CODE.items())
