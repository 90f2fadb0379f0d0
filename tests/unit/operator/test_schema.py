"""How a model becomes what the cluster understands."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from gopherpay_operator.crds.schema import structural
from gopherpay_operator.resources.block import VALIDATIONS, Block, Rule, immutable, listed_by
from gopherpay_operator.resources.kafka import RETENTION, RetentionClass


class Free(Block):
    """Whatever."""

    model_config = ConfigDict(extra="allow")


class Inner(Block):
    """What it is in general."""

    rules: ClassVar = (Rule("has(self.size)", "size must be given"),)

    size: int | None = None
    """How big it is."""

    shape: Literal["Round"] = "Round"
    """How it looks."""


class Outer(Inner):
    """Around it."""

    rules: ClassVar = (immutable("size", "it is cast"),)

    inner: Inner = Inner(size=1)
    """What it is here."""

    free_form: Free | None = None
    """Anything."""

    words: Annotated[dict[str, str | None], Field(max_length=2)] | None = None
    """Words by name."""

    items: Annotated[list[Inner], Field(max_length=3, json_schema_extra=listed_by("size"))]
    """Parts."""


PROPERTIES = structural(Outer)["properties"]


def test_a_field_that_may_be_absent_may_not_be_null():
    size = PROPERTIES["size"]

    assert size == {"description": "How big it is.", "type": "integer"}


def test_a_value_of_a_map_that_may_be_null_says_so():
    assert PROPERTIES["words"] == {
        "description": "Words by name.",
        "type": "object",
        "additionalProperties": {"type": "string", "nullable": True},
        "maxProperties": 2,
    }


def test_what_is_said_at_a_field_wins_over_what_is_said_of_its_kind():
    assert PROPERTIES["inner"]["description"] == "What it is here."
    assert PROPERTIES["items"]["items"]["description"] == "What it is in general."


def test_a_default_leaves_out_what_is_absent():
    assert PROPERTIES["inner"]["default"] == {"size": 1, "shape": "Round"}


def test_only_what_is_free_keeps_unknown_fields():
    preserve = "x-kubernetes-preserve-unknown-fields"

    assert PROPERTIES["freeForm"][preserve]
    assert preserve not in PROPERTIES["inner"]
    assert "additionalProperties" not in PROPERTIES["inner"]


def test_a_list_is_known_by_its_keys():
    assert PROPERTIES["items"]["x-kubernetes-list-type"] == "map"
    assert PROPERTIES["items"]["x-kubernetes-list-map-keys"] == ["size"]
    assert PROPERTIES["items"]["maxItems"] == 3


def test_the_rules_of_what_is_extended_hold_as_well():
    rules = structural(Outer)[VALIDATIONS]

    assert [rule["message"] for rule in rules] == [
        "size must be given",
        "size cannot be changed: it is cast",
    ]
    assert rules[1]["fieldPath"] == ".size"
    assert structural(Inner)[VALIDATIONS] == rules[:1]


def test_one_word_that_is_allowed_is_a_list_of_one():
    assert PROPERTIES["shape"]["enum"] == ["Round"]


def test_what_must_be_given_is_named():
    assert structural(Outer)["required"] == ["items"]


def test_every_class_of_retention_says_what_becomes_of_old_records():
    assert set(RETENTION) == set(get_args(RetentionClass))
    assert all("cleanup.policy" in config for config in RETENTION.values())
