"""What Helm makes of the platform's chart with each file of values that comes with it."""

from __future__ import annotations

from functools import cache

import yaml

from tests.unit.helm import looking
from tests.unit.helm.rendering import ROOT, helm

CHART = ROOT / "helm" / "gopherpay"
LEAST = {
    "publicUrl": "https://pay.example.com",
    "keys": {"existingSecret": "keys"},
    "postgres": {"existingSecret": "postgres"},
}
FILES = {
    "defaults": None,
    **{path.stem: path for path in sorted(CHART.glob("values-*.yaml"))},
    **{path.stem: path for path in sorted((CHART / "ci").glob("*-values.yaml"))},
}


def values_of(name):
    return LEAST if FILES[name] is None else yaml.safe_load(FILES[name].read_text("utf-8"))


@cache
def rendered():
    """Return the objects of each file of values, all rendered by one process of Helm."""
    texts = helm(*[["rendered", "gopherpay", values_of(name)] for name in FILES])
    assert all(isinstance(text, str) for text in texts), texts
    return {
        name: [each for each in yaml.safe_load_all(text) if each]
        for name, text in zip(FILES, texts, strict=True)
    }


def merged(values, changes):
    """Return *values* with *changes*, which reach into what is nested."""
    both = {**values, **changes}
    for name in values.keys() & changes.keys():
        if isinstance(values[name], dict) and isinstance(changes[name], dict):
            both[name] = merged(values[name], changes[name])
    return both


def objects(changes, name="defaults"):
    """Return the objects of the values *name*, the least if nothing is said, with *changes*."""
    [text] = helm(["rendered", "gopherpay", merged(values_of(name), changes)])
    assert isinstance(text, str), text
    return [each for each in yaml.safe_load_all(text) if each]


def only(found, kind, end=""):
    (one,) = [
        each for each in looking.of_kind(found, kind) if each["metadata"]["name"].endswith(end)
    ]
    return one


def ray_of(found):
    return only(found, "RayService")["spec"]


def ray_pods(found):
    config = ray_of(found)["rayClusterConfig"]
    return {
        "head": config["headGroupSpec"]["template"],
        "worker": config["workerGroupSpecs"][0]["template"],
    }
