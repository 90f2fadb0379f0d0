"""Subscribers."""

from __future__ import annotations

from novu_py import models

from tests.doubles.novu.frame import Call, Refusal, Told, error

PAGE = 10


def _subscriber(world, asked):
    found = world.subscribers.get(asked.arguments[0])
    if found is None:
        raise Refusal(error(asked, 404, "Subscriber not found"))
    return found


def create(world, asked):
    """Make or update a subscriber; 409 with the bare subscriber where that was not wanted."""
    fields = asked.json()
    known = world.subscribers.get(fields["subscriberId"])
    if known is not None and asked.first("failIfExists") == "true":
        return Told(409, known)
    return Told(201, dict(world.upsert(fields)))


def create_many(world, asked):
    """Make or update up to 500 subscribers."""
    wanted = asked.json()["subscribers"]
    if len(wanted) > 500:
        raise Refusal(error(asked, 400, "at most 500"))
    before = set(world.subscribers)
    names = [{"subscriberId": world.upsert(each)["subscriberId"]} for each in wanted]
    return Told(
        201,
        {
            "updated": [name for name in names if name["subscriberId"] in before],
            "created": [name for name in names if name["subscriberId"] not in before],
            "failed": [],
        },
    )


def search(world, asked):
    """List subscribers by address or id."""
    found = [
        each
        for each in world.subscribers.values()
        if asked.first("email") in {None, each.get("email")}
        and asked.first("subscriberId") in {None, each["subscriberId"]}
    ]
    page = found[: int(asked.first("limit", PAGE))]
    counts = {"totalCount": len(found), "totalCountCapped": False}
    return Told(200, {"data": page, "next": None, "previous": None, **counts})


def retrieve(world, asked):
    """Show a subscriber."""
    return Told(200, _subscriber(world, asked))


def patch(world, asked):
    """Change a subscriber."""
    known = _subscriber(world, asked)
    return Told(200, dict(world.upsert({**asked.json(), "subscriberId": known["subscriberId"]})))


def delete(world, asked):
    """Delete a subscriber."""
    del world.subscribers[_subscriber(world, asked)["subscriberId"]]
    return Told(200, {"acknowledged": True, "status": "deleted"})


_ONE = "/v2/subscribers/{subscriberId}"
_SHOWN = {200: models.SubscriberResponseDto}

CALLS = [
    Call(
        "POST",
        "/v2/subscribers",
        create,
        models.CreateSubscriberRequestDto,
        {201: models.SubscriberResponseDto, 409: models.SubscriberResponseDto},
    ),
    Call(
        "POST",
        "/v1/subscribers/bulk",
        create_many,
        models.BulkSubscriberCreateDto,
        {201: models.BulkCreateSubscriberResponseDto},
    ),
    Call(
        "GET",
        "/v2/subscribers",
        search,
        gives={200: models.ListSubscribersResponseDto},
        is_page=True,
    ),
    Call("GET", _ONE, retrieve, gives=_SHOWN),
    Call("PATCH", _ONE, patch, models.PatchSubscriberRequestDto, _SHOWN),
    Call("DELETE", _ONE, delete, gives={200: models.RemoveSubscriberResponseDto}),
]
