"""Webhooks as a client sees them over HTTP."""

from __future__ import annotations

import psycopg
import pytest

from actors.domain.events import SUBJECT_KINDS
from actors.ids import new_id
from tests.acceptance.conftest import assert_problem

URL = "https://shop.example.com/hooks?from=gopherpay"
SHOWN = {"id", "url", "event_types", "status", "failing_since", "created_at"}
DELIVERY = """
INSERT INTO webhook_deliveries
    (id, webhook_id, event_id, event_type, body, status, attempts, response_status,
     last_error, next_attempt_at, ended_at)
SELECT id, %s, gen_random_uuid(), 'dev.gopherpay.deposit.posted.v1', '{}', 'failed',
    11, 500, 'http-500', NULL, now()
FROM unnest(%s::uuid[]) AS id
"""


@pytest.fixture
def ada(platform):
    return platform.person()


@pytest.fixture
def made(ada):
    """Return a new webhook."""
    answer = ada.http.post("/v1/webhooks", json={"url": URL})
    assert answer.status_code == 201, answer.text
    return answer.json()


def failed_deliveries(platform, webhook, number):
    """Write down so many failed deliveries, and return their ids in the order of the list."""
    ids = [new_id() for _ in range(number)]
    with psycopg.connect(platform.owner_dsn) as owner:
        owner.execute(DELIVERY, (webhook["id"], ids))
    return [str(each) for each in reversed(ids)]


def test_the_secret_of_a_webhook_is_shown_once(ada, made):
    one = ada.http.get(f"/v1/webhooks/{made['id']}").json()
    listed = ada.http.get("/v1/webhooks").json()

    assert made.keys() == SHOWN | {"secret"}
    assert made["secret"].startswith("whsec_")
    assert one == {name: made[name] for name in SHOWN}
    assert listed == {"data": [one], "next_cursor": None}
    assert (made["event_types"], made["status"], made["failing_since"]) == ([], "active", None)


def test_an_api_key_with_the_scope_manages_webhooks_of_its_owner(platform, ada):
    key = platform.api_key(ada, "webhooks:write")

    made = key.post("/v1/webhooks", json={"url": URL, "event_types": ["deposit.posted"]}).json()

    assert ada.http.get(f"/v1/webhooks/{made['id']}").json()["event_types"] == ["deposit.posted"]
    assert key.delete(f"/v1/webhooks/{made['id']}").status_code == 204


def test_a_key_without_the_scope_may_not(platform, ada):
    key = platform.api_key(ada, "transfers:write")

    assert_problem(key.get("/v1/webhooks"), 403, "insufficient-scope")
    assert_problem(key.post("/v1/webhooks", json={"url": URL}), 403, "insufficient-scope")


def test_a_key_of_the_platform_itself_may_not(platform):
    answer = platform.treasury.post("/v1/webhooks", json={"url": URL})

    assert answer.status_code == 403


def test_a_webhook_is_changed_and_deleted(ada, made):
    path = f"/v1/webhooks/{made['id']}"

    moved = ada.http.patch(path, json={"url": f"{URL}2", "event_types": ["user.closed"]}).json()
    paused = ada.http.patch(path, json={"status": "disabled"}).json()
    again = ada.http.patch(path, json={"status": "active"}).json()
    gone = ada.http.delete(path)

    assert (moved["url"], moved["event_types"]) == (f"{URL}2", ["user.closed"])
    assert (paused["status"], again["status"]) == ("disabled", "active")
    assert (gone.status_code, gone.content) == (204, b"")
    assert_problem(ada.http.get(path), 404, "not-found")


def test_anothers_webhook_is_not_found(platform, made):
    bob, path = platform.person("Bob Stone"), f"/v1/webhooks/{made['id']}"

    for answer in (
        bob.http.get(path),
        bob.http.patch(path, json={"status": "disabled"}),
        bob.http.delete(path),
        bob.http.get(f"{path}/deliveries"),
        bob.http.post(f"{path}/deliveries/{made['id']}/replay"),
    ):
        assert_problem(answer, 404, "not-found")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://example.com/", "https://u:p@example.com/", "shop.example.com",
     "https://example.com/#x", "https://2130706433/", "https://example.com:22/", ""],
)  # fmt: skip
def test_a_url_that_no_webhook_may_have_is_refused(ada, url):
    answer = ada.http.post("/v1/webhooks", json={"url": url})

    assert_problem(answer, 422, "validation-failed", field="url")


def test_an_unknown_event_type_is_refused_and_the_known_ones_are_named(ada):
    body = {"url": URL, "event_types": ["transfer.posted", "transfer.imagined"]}

    answer = ada.http.post("/v1/webhooks", json=body)

    assert_problem(answer, 422, "validation-failed", field="event_types")
    assert all(name in answer.json()["errors"][0]["message"] for name in SUBJECT_KINDS)


def test_one_person_has_at_most_twenty(ada):
    for _ in range(20):
        assert ada.http.post("/v1/webhooks", json={"url": URL}).status_code == 201

    assert_problem(ada.http.post("/v1/webhooks", json={"url": URL}), 409, "webhooks-too-many")


def test_the_log_of_deliveries_is_read_by_pages(platform, ada, made):
    ids = failed_deliveries(platform, made, 5)
    path = f"/v1/webhooks/{made['id']}/deliveries"

    first = ada.http.get(path, params={"limit": 3}).json()
    second = ada.http.get(path, params={"limit": 3, "cursor": first["next_cursor"]}).json()

    assert [each["id"] for each in first["data"] + second["data"]] == ids
    assert second["next_cursor"] is None
    assert first["data"][0] | {"event_id": "", "created_at": ""} == {
        "id": ids[0],
        "event_id": "",
        "event_type": "dev.gopherpay.deposit.posted.v1",
        "status": "failed",
        "attempts": 11,
        "response_status": 500,
        "last_error": "http-500",
        "next_attempt_at": None,
        "created_at": "",
    }


def test_a_delivery_is_replayed_under_its_id(platform, ada, made):
    [delivery_id] = failed_deliveries(platform, made, 1)

    answer = ada.http.post(f"/v1/webhooks/{made['id']}/deliveries/{delivery_id}/replay")

    assert answer.status_code == 200
    assert answer.json()["id"] == delivery_id
    assert answer.json()["next_attempt_at"] is not None


def test_nothing_is_replayed_to_a_disabled_webhook(platform, ada, made):
    [delivery_id] = failed_deliveries(platform, made, 1)
    ada.http.patch(f"/v1/webhooks/{made['id']}", json={"status": "disabled"})

    answer = ada.http.post(f"/v1/webhooks/{made['id']}/deliveries/{delivery_id}/replay")

    assert_problem(answer, 409, "webhook-disabled")
