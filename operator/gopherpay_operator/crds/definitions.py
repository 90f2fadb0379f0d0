"""From a kind to its CustomResourceDefinition."""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from gopherpay_operator.crds.schema import structural
from gopherpay_operator.resources.block import VALIDATIONS
from gopherpay_operator.resources.catalogue import KINDS
from gopherpay_operator.resources.kinds import CATEGORY, VERSION, Column, Kind
from gopherpay_operator.resources.policies import GROUP

HEADER: Final = "# Made by scripts/docs from operator/gopherpay_operator/resources.\n"


def definition(kind: Kind) -> dict[str, Any]:
    """Return the CustomResourceDefinition of *kind*."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{GROUP}",
            "labels": {"app.kubernetes.io/part-of": CATEGORY},
        },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": list(kind.short_names),
                "categories": [CATEGORY],
            },
            "versions": [_version(kind)],
        },
    }


def _version(kind: Kind) -> dict[str, Any]:
    """Return the only version of *kind*."""
    return {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(each) for each in kind.columns],
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": _whole(kind)},
    }


def _column(column: Column) -> dict[str, Any]:
    """Return a column as the cluster reads it."""
    shown = {"name": column.name, "type": column.type, "jsonPath": column.path}
    return {**shown, "priority": 1} if column.wide else shown


def _whole(kind: Kind) -> dict[str, Any]:
    """Return the schema of a whole resource."""
    schema: dict[str, Any] = {
        "description": kind.summary,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {
                "description": f"Group and version: {GROUP}/{VERSION}.",
                "type": "string",
            },
            "kind": {"description": f"Name of the kind: {kind.name}.", "type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(kind.spec),
            "status": structural(kind.status),
        },
    }
    if kind.rules:
        schema[VALIDATIONS] = [rule.as_json() for rule in kind.rules]
    return schema


class _Dumper(yaml.SafeDumper):
    """Writes what stands at several places at each of them."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as the library calls it
        return True


def as_yaml(document: Mapping[str, Any]) -> str:
    """Return *document* as YAML, in its own order."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


def files() -> dict[str, str]:
    """Return the definitions of all kinds, by the names of their files."""
    return {kind.file_name: HEADER + as_yaml(definition(kind)) for kind in KINDS.values()}
