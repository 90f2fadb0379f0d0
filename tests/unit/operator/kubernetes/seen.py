"""Objects as an API server sends them, and somebody who notes what a cache tells."""

from __future__ import annotations

from gopherpay_operator.engine.ports import Key


def topic(name="orders", *, uid="u1", version=1, namespace="team", partitions=3, **metadata):
    """Return an EventTopic as the server has it."""
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "resourceVersion": str(version),
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            **metadata,
        },
        "spec": {"connectionRef": {"name": "events"}, "partitions": partitions},
    }


def key(name="orders", namespace="team"):
    """Return the key of an EventTopic."""
    return Key("EventTopic", namespace, name)


class Noted:
    """What a cache has told."""

    def __init__(self):
        self.changes = []
        self.departures = []

    def changed(self, key):
        self.changes.append(key.name)

    def gone(self, resource):
        self.departures.append((resource.key.name, resource.uid))
