"""What every part of a resource is made of: described fields, and rules that the cluster checks."""

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core.core_schema import CoreSchema

VALIDATIONS = "x-kubernetes-validations"


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL expression that must hold, and what is said when it does not.

    Attributes:
        expression: ``self`` is the part that carries the rule, ``oldSelf`` what it was before.
        message: One sentence that says what to do.
        field: The path of the field to blame, such as ``.partitions``; the part itself when empty.
    """

    expression: str
    message: str
    field: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the rule as the cluster reads it."""
        rule = {"rule": self.expression, "message": self.message}
        return {**rule, "fieldPath": self.field} if self.field else rule


def immutable(field: str, why: str) -> Rule:
    """Return the rule that *field* is never set, changed or removed later.

    It belongs to the part that holds the field: a rule on the field itself would not see it
    appear or vanish (Kubernetes documentation, "Validation rules", transition rules).
    """
    return Rule(
        f"has(self.{field}) == has(oldSelf.{field}) && "
        f"(!has(self.{field}) || self.{field} == oldSelf.{field})",
        f"{field} cannot be changed: {why}",
        f".{field}" if field else "",
    )


def obeying(*rules: Rule) -> dict[str, Any]:
    """Return what a field carries for *rules* of its own value."""
    return {VALIDATIONS: [rule.as_json() for rule in rules]}


def listed_by(*keys: str) -> dict[str, Any]:
    """Return what a list carries whose items are known by *keys*, so that two may write to it."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


AS_SET: dict[str, Any] = {"x-kubernetes-list-type": "set"}
"""What a list carries whose items differ."""


class Block(BaseModel):
    """A part of a resource; a field's docstring is what ``kubectl explain`` says of it."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()
    """Rules between this part's fields; those of the parts it extends hold as well."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with the rules of this part."""
        schema = handler(core_schema)
        rules = [rule for each in reversed(cls.__mro__) for rule in each.__dict__.get("rules", ())]
        if rules:
            handler.resolve_ref_schema(schema).update(obeying(*rules))
        return schema
