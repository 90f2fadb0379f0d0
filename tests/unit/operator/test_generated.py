"""The definitions and their page are current, complete, and of a form that people can use."""

from __future__ import annotations

import itertools
import json
import runpy
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from gopherpay_operator.crds.definitions import definition, files
from gopherpay_operator.resources.catalogue import KINDS

ROOT = Path(__file__).parents[3]
CHART = ROOT / "helm" / "gopherpay-crds"
SAMPLES = ROOT / "k8s" / "samples"
GENERATED = runpy.run_path(str(ROOT / "scripts" / "lib" / "crds.py"))["generated"]()

SIZE_BYTES_MAX = 200_000
CONTRACT = {
    "KafkaConnection", "EventTopic", "PostgresConnection", "PostgresDatabase", "PostgresRole",
    "DatabaseMigration", "NovuConnection", "NovuIntegration", "NovuLayout", "NovuWorkflow",
    "NovuTopic", "NovuPromotion",
}  # fmt: skip
TAKEN = {"k", "kt", "ku", "kc", "kctr", "kmm2", "kb", "knp", "sps", "pg", "cluster", "pooler"}
"""Short names of Strimzi, Zalando's operator and CloudNativePG."""


def schema_of(kind):
    """Return the schema of the whole resource."""
    return definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def parts(schema, path=""):
    """Yield every part of a schema with its path; what may be anything is not looked into."""
    yield path, schema
    for name, each in schema.get("properties", {}).items():
        yield from parts(each, f"{path}.{name}")
    if "items" in schema:
        yield from parts(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from parts(schema["additionalProperties"], f"{path}{{}}")


ALL_PARTS = [pytest.param(list(parts(schema_of(kind))), id=kind.name) for kind in KINDS.values()]


@pytest.mark.parametrize("path", GENERATED)
def test_a_generated_file_is_current(path):
    assert (ROOT / path).read_text(encoding="utf-8") == GENERATED[path], "run scripts/docs"


def test_the_chart_has_no_definition_of_a_kind_that_is_no_more():
    assert {path.name for path in (CHART / "files").iterdir()} == set(files())


def test_every_kind_that_was_promised_is_there():
    assert set(KINDS) == CONTRACT


@pytest.mark.parametrize("name", files())
def test_a_definition_is_small_enough_for_every_way_to_apply_it(name):
    assert len(files()[name].encode()) < SIZE_BYTES_MAX


@pytest.mark.parametrize("found", ALL_PARTS)
def test_every_field_is_described_in_a_sentence(found):
    fields = {
        f"{path}.{name}": each
        for path, schema in found
        for name, each in schema.get("properties", {}).items()
        if f"{path}.{name}" != ".metadata"
    }

    poor = [path for path, each in fields.items() if not each.get("description", "").endswith(".")]
    assert poor == []


@pytest.mark.parametrize("found", ALL_PARTS)
def test_everything_has_a_bound(found):
    """Without one, the cluster counts every rule over it as endless and refuses the definition."""
    endless = [
        path
        for path, schema in found
        if path.startswith((".spec", ".status")) and not is_bounded(schema)
    ]

    assert endless == []


def is_bounded(schema):
    if "additionalProperties" in schema:
        return "maxProperties" in schema
    bounds = {"array": "maxItems", "string": "maxLength"}
    bound = bounds.get(schema["type"])
    return bound is None or bound in schema or "enum" in schema


@pytest.mark.parametrize("found", ALL_PARTS)
def test_a_schema_is_structural(found):
    for path, schema in found:
        assert "type" in schema, path
        assert not {"$ref", "anyOf", "allOf", "oneOf", "const", "title"} & set(schema), path


@pytest.mark.parametrize("found", ALL_PARTS)
def test_yaml_reads_every_word_as_it_is_written(found):
    """YAML 1.1, which kubectl reads, takes words such as on and Off for truth values."""
    words = {
        str(word)
        for path, schema in found
        if path.startswith(".spec")
        for word in itertools.chain(schema.get("properties", ()), schema.get("enum", ()))
    }

    assert [word for word in words if yaml.safe_load(word) != word] == []


def test_short_names_are_our_own():
    names = [
        name
        for kind in KINDS.values()
        for name in (*kind.short_names, kind.plural, kind.name.lower())
    ]

    assert len(names) == len(set(names))
    assert not TAKEN & set(names)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_list_shows_whether_it_is_ready_and_its_age(kind):
    columns = {column.name: column for column in kind.columns}

    assert not columns["Ready"].wide
    assert not columns["Age"].wide


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_sample_is_read_by_the_model(kind):
    [document] = yaml.safe_load_all((SAMPLES / f"{kind.name.lower()}.yaml").read_text())

    spec = kind.spec.model_validate(document["spec"])

    assert spec.model_dump(by_alias=True, exclude_unset=True) == document["spec"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_field_that_does_not_exist_is_refused_by_the_model(kind):
    [document] = yaml.safe_load_all((SAMPLES / f"{kind.name.lower()}.yaml").read_text())

    with pytest.raises(ValidationError, match="colour"):
        kind.spec.model_validate({**document["spec"], "colour": "green"})


def test_the_chart_has_the_version_of_the_project():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert chart["version"] == chart["appVersion"] == project["version"]


def test_the_values_of_the_chart_fit_their_schema():
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))

    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(values, schema)
    assert set(values) == set(schema["properties"]) - {"global"}
