"""Operators of things in a Novu that has a memory, and the wishes that the contracts are about."""

from contextlib import contextmanager, suppress
from dataclasses import replace

from gopherpay_operator.backends.novu import NovuThings
from gopherpay_operator.backends.novu_client import NovuAddress, NovuClient
from gopherpay_operator.backends.novu_integrations import IntegrationCalls
from gopherpay_operator.backends.novu_layouts import LayoutCalls
from gopherpay_operator.backends.novu_pace import Pace, Rate
from gopherpay_operator.backends.novu_topics import TopicCalls
from gopherpay_operator.backends.novu_workflows import WorkflowCalls
from gopherpay_operator.backends.ports import BackendFailure
from gopherpay_operator.plans import novu_documents as documents
from gopherpay_operator.plans.novu import (
    Credentials,
    NovuIntegration,
    NovuLayout,
    NovuTopic,
    NovuWorkflow,
    Surroundings,
)
from gopherpay_operator.plans.novu_marks import owners
from tests.contracts.operator.conftest import OURS, THEIRS, Operator
from tests.doubles.novu.sites import ENVIRONMENT_ID, PRODUCTION_ID

CALLS = {
    "topic": TopicCalls,
    "layout": LayoutCalls,
    "workflow": WorkflowCalls,
    "integration": IntegrationCalls,
}
API_KEY = "SG.very-secret-key-of-the-provider"
DEVELOPMENT = Surroundings("Development", ENVIRONMENT_ID, owners("one", [OURS]))
PRODUCTION = Surroundings("Production", PRODUCTION_ID, owners("one", [OURS]))
FAST = Rate(per_second=1_000, burst=1_000)


@contextmanager
def client_of(double, *, key=None, rate=FAST, **settings):
    """Yield a client of *double*."""
    address = NovuAddress(double.url, key or double.world.secret_key)
    client = NovuClient(address, Pace(rate), **settings)
    try:
        yield client
    finally:
        client.close()


class Operators:
    """Makes operators, each of which has forgotten everything."""

    def __init__(self, client):
        self.client = client

    def __call__(self, wish, claim=OURS):
        return Operator(NovuThings(self.client, CALLS[wish.what]()), claim)


def theirs(wish):
    """Return *wish* as an operator in another cluster has it."""
    return replace(wish, around=replace(wish.around, owners=owners("two", [THEIRS])))


def topic(name="news", title="News", **more):
    return NovuTopic(name, {"title": title}, **{"around": DEVELOPMENT, **more})


def layout(name="frame", body="<html>{{content}}</html>", **more):
    document = {"title": "Frame", "body": body, "editorType": "html"}
    return NovuLayout(name, document, **{"around": DEVELOPMENT, **more})


def step(step_id, type_="in_app", **values):
    return documents.step(step_id, step_id.title(), type_, values)


def workflow(name="welcome", *steps, around=DEVELOPMENT, believed=None, **more):
    document = {
        "title": "Welcome",
        "description": "Says hello.",
        "tags": ["pay"],
        "active": True,
        "validatePayload": False,
        "payloadSchema": None,
        "severity": "none",
        "preferences": documents.preferences({}),
        "steps": list(steps) or [step("inbox", body="Hello {{subscriber.firstName}}")],
        **more,
    }
    return NovuWorkflow(name, document, around, believed)


def integration(name="mailer", *, secret=API_KEY, channel="email", **more):
    fields = {
        "document": {"title": "Mailer", "active": True, "conditions": []},
        "provider": "sendgrid",
        "credentials": Credentials({"apiKey": secret}, f"print-{secret[-4:]}"),
        "around": DEVELOPMENT,
        **more,
    }
    return NovuIntegration(name, channel=channel, **fields)


WISHES = {each.what: each for each in (topic(), layout(), workflow(), integration())}


def use_every_call(client):
    """Make, adopt, change, refuse, release and delete a thing of every kind."""
    operators = Operators(client)
    long_text = {"description": "x" * 300}
    bad = [workflow("bad", **long_text), topic("bad", "x" * 120), layout("bad", body="nothing")]
    for wish in [*bad, workflow("not a slug")]:
        with suppress(BackendFailure):
            operators(wish).reconcile(wish)
    for wish in WISHES.values():
        operators(wish).reconcile(wish)
        operators(wish).reconcile(wish, is_deleting=True)
        operators(wish).reconcile(wish)
    renamed = [topic(title="Other"), layout(body="<b>{{content}}</b>"), workflow(active=False)]
    changed = integration(document={"title": "Post", "active": True, "conditions": RULES})
    for wish in [*renamed, changed]:
        operators(wish).reconcile(wish)
    for wish in [integration("second", is_primary=True), workflow("mails", *every_step())]:
        operators(wish).reconcile(wish)
    for wish in [*WISHES.values(), integration("second"), workflow("mails")]:
        operators(wish).delete(wish)


RULES = documents.conditions(
    [
        {
            "value": "OR",
            "children": [
                {"field": "locale", "value": "vi_VN", "operator": "EQUAL", "on": "subscriber"}
            ],
        }
    ]
)


def every_step():
    """Return a step of every type that we have."""
    return [
        step("mail", "email", subject="Hi", body="<p>Hi</p>", editorType="html"),
        step("inbox", body="Hi", redirect={"url": "/pay", "target": "_self"}),
        step("text", "sms", body="Hi"),
        step("chat", "chat", body="Hi"),
        step("push", "push", subject="Hi", body="Hi"),
        step("wait", "delay", amount=5, unit="minutes"),
        step("gather", "digest", amount=1, unit="hours"),
        step("limit", "throttle", amount=1, unit="hours", threshold=3),
    ]
