"""Triggers: what makes notifications."""

from __future__ import annotations

from novu_py import models

from tests.doubles.novu.frame import Call, Refusal, Told, error, invalid

RECIPIENTS_MAX = 100
PAYLOAD_BYTES_MAX = 512 * 1024


def trigger(world, asked):
    """Send to each recipient, unless that was done under the transaction id before."""
    if len(asked.body) > PAYLOAD_BYTES_MAX:
        raise Refusal(error(asked, 413, "payload too large"))
    return Told(201, _triggered(world, asked, asked.json()))


def trigger_many(world, asked):
    """Trigger up to 100 events."""
    events = asked.json()["events"]
    if len(events) > RECIPIENTS_MAX:
        raise Refusal(error(asked, 400, "at most 100"))
    return Told(201, [_triggered(world, asked, event) for event in events])


def cancel(_world, _asked):
    """Cancel what waits in a delay or digest: nothing does here."""
    return Told(200, content=False)


def _triggered(world, asked, event):
    workflow = world.workflow(event["name"])
    if workflow is None:
        raise Refusal(invalid(asked, "name", "workflow_not_found"))
    transaction_id = event.get("transactionId") or f"txn_{world.new_id()}"
    answer = {"acknowledged": True, "status": "processed", "transactionId": transaction_id}
    if not workflow.is_active:
        return answer | {"status": "trigger_not_active"}
    if not workflow.channels:
        return answer | {"status": "no_workflow_active_steps_defined"}
    if not (world.of(transaction_id) and world.drops_repeats):
        for subscriber_id in _recipients(world, asked, event["to"]):
            world.add(transaction_id, workflow, subscriber_id, event.get("payload", {}))
    return answer


def _recipients(world, asked, to):
    """Return the ids of the recipients; one given with its fields is made or updated first."""
    wanted = to if isinstance(to, list) else [to]
    if not 1 <= len(wanted) <= RECIPIENTS_MAX:
        raise Refusal(invalid(asked, "to", "1 to 100 recipients"))
    return [
        each if isinstance(each, str) else world.upsert(each)["subscriberId"] for each in wanted
    ]


_TRIGGER = "/v1/events/trigger"

CALLS = [
    Call(
        "POST",
        _TRIGGER,
        trigger,
        models.TriggerEventRequestDto,
        {201: models.TriggerEventResponseDto},
    ),
    Call(
        "POST",
        f"{_TRIGGER}/bulk",
        trigger_many,
        models.BulkTriggerEventDto,
        {201: list[models.TriggerEventResponseDto]},
    ),
    Call("DELETE", f"{_TRIGGER}/{{transactionId}}", cancel, gives={200: bool}),
]
