"""What a team does with its namespace, and what it waits for."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import Any

from tests.integration.operator.resources import VERSION, address
from tests.integration.operator.waiting import until

CONNECTIONS = ("KafkaConnection", "PostgresConnection", "NovuConnection")
DEFAULT_CONNECTION = {
    "EventTopic": "events",
    "PostgresDatabase": "ledger",
    "PostgresRole": "ledger",
    "NovuIntegration": "development",
    "NovuLayout": "development",
    "NovuTopic": "development",
    "NovuWorkflow": "development",
}
SPECS = {
    "EventTopic": {"partitions": 1, "replicationFactor": 1, "keyed": False},
    "PostgresRole": {"login": False},
    "NovuTopic": {"name": "A topic"},
}
"""What is wanted where a test does not say it."""


def conditions(document):
    """Return the conditions of a resource by type."""
    listed = ((document or {}).get("status") or {}).get("conditions", [])
    return {each["type"]: each for each in listed}


@dataclass(frozen=True, slots=True)
class Team:
    """Somebody who may do everything in one namespace."""

    client: Any
    namespace: str
    manager: str = "team"

    def apply(self, kind, name, spec=None, **metadata):
        """Apply a resource by server-side apply and return it as it is stored."""
        document = self.document(kind, name, spec, **metadata)
        answer = self.client.patch(
            address(kind, self.namespace, name),
            params={"fieldManager": self.manager, "fieldValidation": "Strict", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(document),
        )
        assert answer.is_success, answer.text
        return answer.json()

    def document(self, kind, name, spec=None, **metadata):
        """Return a resource whose spec has what every one of its kind needs."""
        whole = {**SPECS.get(kind, {}), **(spec or {})}
        if kind in DEFAULT_CONNECTION:
            whole = {"connectionRef": {"name": DEFAULT_CONNECTION[kind]}, **whole}
        return {
            "apiVersion": VERSION,
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace, **metadata},
            "spec": whole,
        }

    def read(self, kind, name):
        """Return a resource, or nothing when it is not there."""
        answer = self.client.get(address(kind, self.namespace, name))
        assert answer.status_code in {200, 404}, answer.text
        return answer.json() if answer.is_success else None

    def list(self, kind):
        """Return all resources of a kind."""
        return self.client.get(address(kind, self.namespace)).json()["items"]

    def patch(self, kind, name, change):
        """Merge *change* into a resource and return it."""
        answer = self.client.patch(
            address(kind, self.namespace, name),
            params={"fieldManager": self.manager},
            headers={"Content-Type": "application/merge-patch+json"},
            content=json.dumps(change),
        )
        assert answer.is_success, answer.text
        return answer.json()

    def annotate(self, kind, name, **annotations):
        """Set annotations of ours; ``_`` stands for ``-``."""
        named = {f"gopherpay.dev/{k.replace('_', '-')}": v for k, v in annotations.items()}
        return self.patch(kind, name, {"metadata": {"annotations": named}})

    def ask_for_a_pass(self, kind, name):
        """Ask for a comparison at once."""
        return self.annotate(kind, name, reconcile_at=str(time.time_ns()))

    def delete(self, kind, name):
        """Ask for the deletion of a resource."""
        answer = self.client.delete(address(kind, self.namespace, name))
        assert answer.status_code in {200, 202, 404}, answer.text

    def write_secret(self, name, **data):
        """Write a Secret; ``_`` in a key stands for itself."""
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self._write("secrets", {"kind": "Secret", "data": encoded}, name)

    def write_config_map(self, name, **data):
        """Write a ConfigMap."""
        self._write("configmaps", {"kind": "ConfigMap", "data": data}, name)

    def _write(self, plural, content, name):
        answer = self.client.patch(
            f"/api/v1/namespaces/{self.namespace}/{plural}/{name}",
            params={"fieldManager": self.manager, "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(
                {"apiVersion": "v1", **content, "metadata": {"name": name}},
            ),
        )
        assert answer.is_success, answer.text

    def read_secret(self, name):
        """Return what a Secret holds, as text, or nothing when it is not there."""
        answer = self.client.get(f"/api/v1/namespaces/{self.namespace}/secrets/{name}")
        if answer.status_code == 404:
            return None
        return {
            key: base64.b64decode(value).decode() for key, value in answer.json()["data"].items()
        }

    def until(self, kind, name, type_="Ready", status="True", reason=None, **options):
        """Return a resource as soon as a condition of it is as wanted for its present spec."""

        def look():
            document = self.read(kind, name)
            found = conditions(document).get(type_)
            is_so = (
                found is not None
                and found["status"] == status
                and reason in {None, found["reason"]}
                and found.get("observedGeneration") == document["metadata"]["generation"]
            )
            return document if is_so else None

        return until(look, told=lambda: f"{kind} {name}: {self.shown(kind, name)}", **options)

    def until_gone(self, kind, name, **options):
        """Return as soon as a resource is not there any more."""
        until(
            lambda: self.read(kind, name) is None,
            told=lambda: f"{kind} {name}: {self.shown(kind, name)}",
            **options,
        )

    def shown(self, kind, name):
        """Return what a person would want to see of a resource."""
        document = self.read(kind, name)
        if document is None:
            return "is not there"
        kept = {key: document["metadata"].get(key) for key in ("generation", "finalizers")}
        return json.dumps({**kept, "status": document.get("status")}, indent=1)

    def events(self, kind, name):
        """Return the Events on a resource, the oldest first."""
        listed = self.client.get(f"/api/v1/namespaces/{self.namespace}/events").json()["items"]
        ours = [
            each
            for each in listed
            if (each["involvedObject"]["kind"], each["involvedObject"]["name"]) == (kind, name)
        ]
        return sorted(ours, key=lambda each: int(each["metadata"]["resourceVersion"]))

    def reasons(self, kind, name):
        """Return the reasons of the Events on a resource, the oldest first, repeats included."""
        return [
            each["reason"]
            for each in self.events(kind, name)
            for _ in range(each.get("count") or 1)
        ]
