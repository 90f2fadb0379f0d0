"""What leaves the platform is, byte for byte, what is written down here."""

from __future__ import annotations

import json

import pytest

from actors.domain.events import SUBJECT_KINDS
from actors.messaging import envelope
from actors.messaging.catalogue import catalogue
from actors.messaging.topics import topic_names
from tests.contracts.events.told import GOLDEN, SCHEMAS, TOLD, as_text, record

each_name = pytest.mark.parametrize("name", sorted(SUBJECT_KINDS))


@each_name
def test_a_record_is_its_golden_file_to_the_byte(name):
    golden = (GOLDEN / f"{name}.txt").read_bytes()

    assert as_text(record(TOLD[name])).encode() == golden


@each_name
def test_the_example_of_a_schema_is_the_real_event(name):
    schema = catalogue()[TOLD[name].type].schema

    assert schema["examples"] == [json.loads(TOLD[name].payload)]


@each_name
def test_what_was_sent_is_what_is_read(name):
    event, read = TOLD[name], envelope.parse(record(TOLD[name]))

    assert (read.name, read.subject) == (name, event.subject_id)
    assert read.data == json.loads(event.payload)
    assert read.trace_parent == event.trace_parent


def test_there_is_a_file_for_every_type_and_none_for_others():
    golden = {file.name.removesuffix(".txt") for file in GOLDEN.iterdir()}
    schemas = {file.name.removesuffix(".v1.json") for file in SCHEMAS.iterdir()}

    assert golden == schemas == set(TOLD) == set(SUBJECT_KINDS)


def test_topics_are_those_that_are_made():
    names = topic_names("gopherpay")

    assert {record(event).topic for event in TOLD.values()} == {names.account, names.user}
