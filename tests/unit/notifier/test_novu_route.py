"""What a person's browser is told for Novu's inbox."""

import json
from uuid import UUID

import pytest

from actors.domain.errors import InsufficientScope, NotFound
from actors.domain.principals import Principal
from actors.notifier.subscribers import subscriber_hash
from serve_app.http.exchange import Call
from serve_app.http.texts import Query
from serve_app.routes.novu import NovuEnvironment, NovuInbox, routes

USER_ID = UUID("0197a5c0-0000-7000-8000-000000000001")
ENVIRONMENT = NovuEnvironment("app-id", "a secret key")


def a_call():
    return Call(
        principal=Principal(USER_ID, frozenset({"notifications:read"})),
        ids=(),
        body=None,
        query=Query(),
        idempotency_key=None,
        request_id="r",
        trace_parent=None,
        source_address="192.0.2.1",
        deadline_seconds=5,
    )


async def test_the_caller_is_told_their_own_subscriber():
    answer = await NovuInbox(ENVIRONMENT).subscriber(a_call())

    assert answer.status == 200
    assert json.loads(answer.body) == {
        "application_identifier": "app-id",
        "subscriber_id": str(USER_ID),
        "subscriber_hash": subscriber_hash("a secret key", USER_ID),
    }


async def test_without_novu_there_is_no_such_thing():
    with pytest.raises(NotFound):
        await NovuInbox(None).subscriber(a_call())


def test_only_who_may_read_notifications_may_ask():
    (route,) = routes(NovuInbox(ENVIRONMENT))

    route.access.check(Principal(USER_ID, frozenset({"notifications:read"})))
    with pytest.raises(InsufficientScope):
        route.access.check(Principal(USER_ID, frozenset({"transfers:read"})))


def test_the_secret_key_is_not_in_the_text_of_the_environment():
    assert "a secret key" not in repr(ENVIRONMENT)
