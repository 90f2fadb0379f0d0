"""Topics, without who is subscribed."""

from __future__ import annotations

from novu_py import models

from tests.doubles.novu.frame import Call, Refusal, Told, error, invalid
from tests.doubles.novu.world import moment

NAME_MAX = 100


def _topic(world, asked):
    found = world.site(asked).topics.get(asked.arguments[0])
    if found is None:
        raise Refusal(error(asked, 404, "Topic not found"))
    return found


def _name(asked):
    name = asked.json().get("name", "")
    if len(name) > NAME_MAX:
        raise Refusal(invalid(asked, "name", "must be shorter than or equal to 100 characters"))
    return name


def create(world, asked):
    """Make or update a topic; 409 with the bare topic where that was not wanted."""
    topics, key = world.site(asked).topics, asked.json()["key"]
    known = topics.get(key)
    if known is not None and asked.first("failIfExists") == "true":
        return Told(409, known)
    name = _name(asked)
    status = 201 if known is None else 200
    made = known or {"_id": world.new_id(), "key": key, "createdAt": moment()}
    topics[key] = {**made, "name": name, "updatedAt": moment()}
    return Told(status, topics[key])


def retrieve(world, asked):
    """Show a topic."""
    return Told(200, _topic(world, asked))


def patch(world, asked):
    """Rename a topic."""
    found = _topic(world, asked)
    found.update(name=_name(asked), updatedAt=moment())
    return Told(200, dict(found))


def delete(world, asked):
    """Delete a topic."""
    del world.site(asked).topics[_topic(world, asked)["key"]]
    return Told(200, {"acknowledged": True})


_ONE = "/v2/topics/{topicKey}"
_SHOWN = {200: models.TopicResponseDto}

CALLS = [
    Call(
        "POST",
        "/v2/topics",
        create,
        models.CreateUpdateTopicRequestDto,
        {**_SHOWN, 201: models.TopicResponseDto, 409: models.TopicResponseDto},
    ),
    Call("GET", _ONE, retrieve, gives=_SHOWN),
    Call("PATCH", _ONE, patch, models.UpdateTopicRequestDto, _SHOWN),
    Call("DELETE", _ONE, delete, gives={200: models.DeleteTopicResponseDto}),
]
