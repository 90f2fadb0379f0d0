"""The resources of the checkout, and how one speaks of them with an API server."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import yaml

from tests.integration.operator.waiting import until

ROOT = Path(__file__).parents[3]
CRDS = ROOT / "helm" / "gopherpay-crds" / "files"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
VERSION = "gopherpay.dev/v1alpha1"
SAMPLES = ROOT / "k8s" / "samples"


def documents(folder):
    """Return the documents of all YAML files in *folder*."""
    return [
        document
        for path in sorted(folder.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]


def install_definitions(client):
    """Apply the definitions of all kinds, and return as soon as they are served."""
    wanted = documents(CRDS)
    for document in wanted:
        answer = apply(client, f"{DEFINITIONS}/{document['metadata']['name']}", document)
        assert answer.is_success, answer.text
    plurals = {document["spec"]["names"]["plural"] for document in wanted}
    until(lambda: plurals <= _served(client))


def _served(client):
    answer = client.get(f"/apis/{VERSION}")
    return {each["name"] for each in answer.json()["resources"]} if answer.is_success else set()


def plural(kind):
    """Return the plural by which the API knows *kind*."""
    return f"{kind.lower()}s"


def address(kind, namespace, name=""):
    """Return where resources of *kind* are."""
    path = f"/apis/gopherpay.dev/v1alpha1/namespaces/{namespace}/{plural(kind)}"
    return f"{path}/{name}" if name else path


def changed(document, changes):
    """Return *document* with the value at each dotted path set, or removed if it is ``...``.

    A path's parts are keys, or indices of a list; a key with dots is written with slashes.
    """
    result = copy.deepcopy(document)
    for path, value in changes.items():
        *parents, last = [_key(part) for part in path.split(".")]
        place = result
        for key in parents:
            place = place[key] if isinstance(key, int) else place.setdefault(key, {})
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return result


def _key(part):
    return int(part) if part.isdigit() else part.replace("/", ".")


def create(client, namespace, document, **params):
    """Return the server's answer to *document*."""
    return client.post(
        address(document["kind"], namespace),
        params={"fieldValidation": "Strict", **params},
        json=document,
    )


def apply(client, path, document, **params):
    """Return the server's answer to *document*, applied on the server's side."""
    return client.patch(
        path,
        params={"fieldManager": "test", "fieldValidation": "Strict", **params},
        headers={"Content-Type": "application/apply-patch+yaml"},
        content=json.dumps(document),
    )
