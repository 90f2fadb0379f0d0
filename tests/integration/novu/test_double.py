"""The double speaks as Novu does, as far as the client and the published document tell."""

import os
from pathlib import Path

import pytest
from novu_py import Novu, models
from novu_py.utils import BackoffStrategy, RetryConfig

from tests.doubles.novu import faults
from tests.doubles.novu.frame import Asked, Told
from tests.doubles.novu.published import Published, published
from tests.doubles.novu.server import Exchange, novu_double
from tests.doubles.novu.world import Workflow

PUBLISHED = "NOVU_OPENAPI"


@pytest.fixture
def double():
    with novu_double() as running:
        yield running


@pytest.fixture
def client(double):
    no_retries = RetryConfig("none", BackoffStrategy(0, 0, 1, 0), retry_connection_errors=False)
    with Novu(
        secret_key=double.world.secret_key, server_url=double.url, retry_config=no_retries
    ) as novu:
        yield novu


def triggered(client, transaction_id="t1", *, to="ada", key=None, **payload):
    event = models.TriggerEventRequestDto(
        workflow_id="hello", to=to, payload=payload, transaction_id=transaction_id
    )
    return client.trigger(trigger_event_request_dto=event, idempotency_key=key).result


def made(client, subscriber_id="ada", **fields):
    person = models.CreateSubscriberRequestDto(subscriber_id=subscriber_id, **fields)
    return client.subscribers.create(create_subscriber_request_dto=person).result


def use_every_call(client):
    """Make every call of the double once or more, well and badly."""
    made(client, email="ada@example.com", first_name="Ada", last_name=None, locale="en_US")
    with pytest.raises(models.SubscriberResponseDtoError):
        client.subscribers.create(
            create_subscriber_request_dto={"subscriber_id": "ada"}, fail_if_exists=True
        )
    client.subscribers.create_bulk(
        bulk_subscriber_create_dto={"subscribers": [{"subscriber_id": "bob"}]}
    )
    client.subscribers.retrieve(subscriber_id="ada")
    client.subscribers.patch(
        subscriber_id="ada", patch_subscriber_request_dto={"first_name": "Augusta"}
    )
    found = client.subscribers.search(request={"email": "ada@example.com"}).result
    assert [each.first_name for each in found.data] == ["Augusta"]
    triggered(client, body="Hello")
    event = {"workflow_id": "hello", "to": "bob"}
    client.trigger_bulk(bulk_trigger_event_dto={"events": [event, event]})
    client.cancel(transaction_id="t1")
    rows = client.notifications.list(request={"transaction_id": "t1"}).result.data
    client.notifications.retrieve(notification_id=rows[0].id)
    client.messages.retrieve(request={"transaction_id": ["t1"]})
    client.subscribers.notifications.list(request={"subscriber_id": "ada"})
    client.subscribers.delete(subscriber_id="bob")
    for gone in (client.subscribers.retrieve, client.subscribers.delete):
        with pytest.raises(models.ErrorDto):
            gone(subscriber_id="bob")
    with pytest.raises(models.ErrorDto):
        client.notifications.retrieve(notification_id="none")


def test_the_client_reads_every_answer(double, client):
    use_every_call(client)

    assert double.breaches == []
    assert len({(each.asked.method, each.asked.path) for each in double.exchanges}) >= 13


def test_every_exchange_is_as_published(double, client):
    path = os.environ.get(PUBLISHED)
    if path is None:
        pytest.skip(f"{PUBLISHED} names no file: Novu's OpenAPI document is not part of this")
    document = published(Path(path))

    use_every_call(client)
    double.world.workflows = {}
    with pytest.raises(models.ValidationErrorDto):
        triggered(client, "t2")
    for fault in (faults.too_many(1), faults.BUSY, faults.FAILED):
        double.faults.plan(fault)
        with pytest.raises(models.NovuError):
            triggered(client, "t3")

    breaches = [breach for each in double.exchanges for breach in document.breaches(each)]
    assert breaches == []


def test_the_published_document_is_really_compared(double, client):
    path = os.environ.get(PUBLISHED)
    if path is None:
        pytest.skip(f"{PUBLISHED} names no file: Novu's OpenAPI document is not part of this")
    triggered(client)
    (exchange,) = double.exchanges
    exchange.told.content["data"]["status"] = "of tomorrow"

    (breach,) = published(Path(path)).breaches(exchange)

    assert "status" in breach


def test_the_comparison_knows_null_and_names_what_differs():
    shape = {"type": "object", "properties": {"a": {"type": "string", "nullable": True}}}
    answer = {"description": "", "content": {"application/json": {"schema": shape}}}
    operation = {"parameters": [], "responses": {"200": answer}}
    document = Published({"paths": {"/x/{id}": {"get": operation}}, "components": {"schemas": {}}})

    def exchange(content, *, path="/x/1", status=200, query=()):
        asked = Asked("GET", path, dict(query), {}, b"")
        return Exchange(asked, Told(status, content), is_faulty=False)

    assert document.breaches(exchange({"a": None})) == []
    assert document.breaches(exchange({"data": {"a": "b"}})) == []
    assert len(document.breaches(exchange({"a": 5}))) == 1
    assert len(document.breaches(exchange({}, path="/y"))) == 1
    assert len(document.breaches(exchange({}, status=404))) == 1
    assert len(document.breaches(exchange({}, query={"z": ["1"]}))) == 1


def test_a_transaction_id_is_used_once(double, client):
    for _ in range(3):
        assert triggered(client).acknowledged

    assert double.sent() == {"t1": 1}


def test_a_key_has_one_answer(double, client):
    double.world.drops_repeats = False

    triggered(client, key="k1")
    triggered(client, key="k1")
    with pytest.raises(models.ValidationErrorDto):
        triggered(client, "t2", key="k1")

    assert double.sent() == {"t1": 1}


def test_a_failure_is_remembered_under_its_key(double, client):
    double.faults.plan(faults.KEPT_FAILURE)

    for _ in range(2):
        with pytest.raises(models.ErrorDto) as caught:
            triggered(client, key="k1")

    assert caught.value.headers["idempotency-replay"] == "true"
    assert double.sent() == {}


def test_a_workflow_that_is_off_sends_nothing(double, client):
    double.world.workflows = {"hello": Workflow("hello", is_active=False)}

    assert triggered(client).status == models.TriggerEventResponseDtoStatus.TRIGGER_NOT_ACTIVE
    assert double.sent() == {}


def test_a_shape_that_the_client_would_not_make_is_refused(double, client):
    answer = client.sdk_configuration.client.post(
        f"{double.url}/v1/events/trigger",
        json={"name": 5},
        headers={"authorization": f"ApiKey {double.world.secret_key}"},
    )

    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_a_wrong_credential_is_refused(double, client):
    double.world.secret_key = "another"

    with pytest.raises(models.ErrorDto) as caught:
        made(client)

    assert caught.value.status_code == 401
    assert double.world.subscribers == {}
