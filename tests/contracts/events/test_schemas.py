"""The schemas: sound, described, kept by the code, and only ever growing inside a version."""

from __future__ import annotations

import copy
import json

import pytest
from jsonschema import Draft202012Validator

from actors.domain import events
from actors.domain.events import SUBJECT_KINDS
from actors.messaging.catalogue import catalogue, schema_uri
from actors.messaging.members import FORMATS, members_of
from tests.contracts.events.growth import broken_promises
from tests.contracts.events.told import API_KEY, HERE, OWNER, TOLD

RELEASES = sorted((HERE / "released").iterdir())
WRONG = (None, True, 0, -1, 2**63, 1.5, "", "x", "\u20ac" * 300, [], [1], {}, "USD", ["a"])

each_type = pytest.mark.parametrize("event_type", catalogue().values(), ids=lambda each: each.name)


def validator(schema):
    """Return what judges data by *schema*, formats included."""
    checker = copy.copy(Draft202012Validator.FORMAT_CHECKER)
    checker.checkers = {
        name: (lambda text, form=form: not isinstance(text, str) or bool(form.fullmatch(text)), ())
        for name, form in FORMATS.items()
    }
    return Draft202012Validator(dict(schema), format_checker=checker)


@each_type
def test_a_schema_is_sound_and_says_what_each_member_is(event_type):
    schema = event_type.schema
    Draft202012Validator.check_schema(dict(schema))

    assert schema["$id"] == schema_uri(event_type.type)
    assert schema["x-subject"] == SUBJECT_KINDS[event_type.name]
    assert schema["title"].endswith(".")
    assert all(member["description"] for member in schema["properties"].values())
    assert schema["additionalProperties"] is True


@each_type
def test_an_unknown_member_is_allowed(event_type):
    (example,) = event_type.schema["examples"]
    grown = {**example, "member_of_a_later_version": {"deep": [1]}}

    assert validator(event_type.schema).is_valid(grown)
    assert event_type.members(grown) is None


@each_type
def test_the_quick_look_says_what_the_schema_says(event_type):
    (example,) = event_type.schema["examples"]
    judge, seen = validator(event_type.schema), set()
    for name in event_type.schema["properties"]:
        without = {key: value for key, value in example.items() if key != name}
        for data in (without, *({**example, name: wrong} for wrong in WRONG)):
            is_valid = judge.is_valid(data)
            seen.add(is_valid)

            assert (event_type.members(data) is None) == is_valid, data

    assert seen >= {False}


def test_a_keyword_that_the_quick_look_does_not_know_is_refused():
    schema = {**catalogue()[TOLD["user.closed"].type].schema, "minProperties": 1}

    with pytest.raises(ValueError, match="minProperties"):
        members_of(schema)


@pytest.mark.parametrize(
    "event", [events.api_key_changed(OWNER, API_KEY), events.roles_changed(OWNER)]
)
def test_every_change_of_a_credential_has_the_schema(event):
    validator(catalogue()[event.type].schema).validate(json.loads(event.payload))


@pytest.mark.parametrize("release", RELEASES, ids=lambda folder: folder.name)
def test_nothing_that_was_released_is_broken(release):
    now = {each.type: dict(each.schema) for each in catalogue().values()}
    files = sorted(release.iterdir())

    assert files
    for file in files:
        released = json.loads(file.read_text(encoding="utf-8"))
        event_type = f"dev.gopherpay.{file.name.removesuffix('.json')}"

        assert broken_promises(released, now.get(event_type)) == [], file.name


def posted():
    """Return a schema that may be changed."""
    return copy.deepcopy(dict(catalogue()[TOLD["transfer.posted"].type].schema))


def without(schema, name):
    del schema["properties"][name]


def grown(schema, name, *, required=False):
    schema["properties"][name] = {"type": "string", "description": "New."}
    if required:
        schema["required"].append(name)


BREAKING = {
    "a member is gone": lambda schema: without(schema, "description"),
    "a member has another type": lambda schema: schema["properties"]["amount_minor"].update(
        type="string"
    ),
    "a member may be null now": lambda schema: schema["properties"]["currency"].update(
        type=["string", "null"]
    ),
    "a member may be longer now": lambda schema: schema["properties"]["description"].update(
        maxLength=1000
    ),
    "a member is of another form": lambda schema: schema["properties"]["transfer_id"].pop("format"),
    "a required member may be missing now": lambda schema: schema["required"].remove("currency"),
    "a new member is required": lambda schema: grown(schema, "purpose", required=True),
    "an old optional member is required": lambda schema: schema["required"].append("description"),
    "unknown members are forbidden": lambda schema: schema.update(additionalProperties=False),
    "the subject is another": lambda schema: schema.update({"x-subject": "user"}),
    "the name is another": lambda schema: schema.update({"$id": "https://gopherpay.dev/else"}),
    "a rule over the whole is added": lambda schema: schema.update(minProperties=30),
}
HARMLESS = {
    "an optional member is added": lambda schema: grown(schema, "purpose"),
    "a description is better": lambda schema: schema["properties"]["currency"].update(
        description="The currency, ISO 4217."
    ),
    "the title is better": lambda schema: schema.update(title="Money moved."),
    "the example is another": lambda schema: schema.update(examples=[]),
}


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_a_breaking_change_is_noticed(change):
    released, now = posted(), posted()
    if "description" in released["required"]:
        released["required"].remove("description")
        now["required"].remove("description")
    change(now)

    assert broken_promises(released, now)


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_change_is_let_through(change):
    now = posted()
    change(now)

    assert now != posted()
    assert broken_promises(posted(), now) == []


def test_a_type_that_is_gone_is_noticed():
    assert broken_promises(posted(), None) == ["the type is gone"]
