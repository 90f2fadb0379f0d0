"""Workflows, written as a whole; a step that stays is named by Novu's id and stays the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from novu_py import models

from gopherpay_operator.backends.novu_client import modelled
from gopherpay_operator.backends.novu_contents import ISSUES_MAX, Echoes, complaints
from gopherpay_operator.backends.ports import Overtaken
from gopherpay_operator.plans import novu_documents as documents
from gopherpay_operator.plans.novu import NovuState, hashed
from gopherpay_operator.plans.novu_marks import is_tag, mark_in, tag_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from novu_py import Novu

    from gopherpay_operator.backends.novu import Raw
    from gopherpay_operator.backends.novu_client import NovuClient
    from gopherpay_operator.plans.novu import Document, NovuWorkflow

_STATUSES: Final = frozenset({"ACTIVE", "INACTIVE", "ERROR"})


class WorkflowCalls:
    """`novu.Calls` for workflows."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._echoes = Echoes()

    def find(self, client: NovuClient, wishes: Sequence[NovuWorkflow]) -> dict[str, Raw]:
        """Return the workflows of *wishes*, by a call for each: lists leave their steps out."""
        found = {wish.name: self._get(client, wish.name) for wish in wishes}
        return {name: raw for name, raw in found.items() if raw is not None}

    def state(
        self,
        client: NovuClient,  # noqa: ARG002 - the port has it
        raw: Raw,
        wish: NovuWorkflow,
        *,
        is_leaving: bool,  # noqa: ARG002 - the port has it
    ) -> NovuState:
        """Return the workflow in our words."""
        live = _document(raw)
        status = raw.get("status")
        return NovuState(
            raw["_id"],
            self._echoes.understood(wish, live),
            hashed(live),
            issues=_issues(raw),
            status=status if status in _STATUSES else None,
        )

    def mark(self, raw: Raw) -> str | None:
        """Return the mark among its tags."""
        return mark_in(raw.get("tags") or ())

    def create(self, client: NovuClient, wish: NovuWorkflow, mark: str) -> None:
        """Make the workflow.

        Raises:
            Overtaken: If Novu gave it another identifier, since that one was taken in between.
        """
        doing = f"Create workflow '{wish.name}'"
        body = {**_body(wish.document, mark, {}), "workflowId": wish.name}
        wanted = modelled(doing, models.CreateWorkflowDto, body)
        _put_values(wanted.steps, wish.document)
        raw = client.ask(doing, lambda novu: novu.workflows.create(create_workflow_dto=wanted))
        if raw["workflowId"] != wish.name:
            self.delete(client, raw)
            raise Overtaken(f"{doing}: Novu called it '{raw['workflowId']}', so it was removed.")
        self._echoes.hear(wish.name, wish.document, _document(raw))

    def change(self, client: NovuClient, raw: Raw, wish: NovuWorkflow) -> None:
        """Write it as a whole."""
        written = self._write(client, raw, wish.document, self.mark(raw))
        self._echoes.hear(wish.name, wish.document, _document(written))

    def put_mark(self, client: NovuClient, raw: Raw, mark: str | None) -> None:
        """Let it carry the tag of *mark*."""
        tags = [tag for tag in raw.get("tags") or () if not is_tag(tag)]
        wanted = [*tags, tag_of(mark)] if mark else tags
        workflow_id = raw["_id"]

        def call(novu: Novu) -> object:
            return novu.workflows.patch(
                workflow_id=workflow_id, patch_workflow_dto={"tags": wanted}
            )

        client.ask(f"Tag workflow '{raw['workflowId']}'", call)

    def delete(self, client: NovuClient, raw: Raw) -> None:
        """Delete it."""
        workflow_id = raw["_id"]
        client.ask(
            f"Delete workflow '{raw['workflowId']}'",
            lambda novu: novu.workflows.delete(workflow_id=workflow_id),
        )

    def _get(self, client: NovuClient, name: str) -> Raw | None:
        found: Raw | None = client.ask_if_there(
            f"Look at workflow '{name}'", lambda novu: novu.workflows.get(workflow_id=name)
        )
        return found

    def _write(self, client: NovuClient, raw: Raw, document: Document, mark: str | None) -> Raw:
        ids = {each["stepId"]: each["_id"] for each in raw["steps"]}
        body = {**_body(document, mark, ids), "origin": raw.get("origin", "novu-cloud")}
        doing, workflow_id = f"Write workflow '{raw['workflowId']}'", raw["_id"]
        wanted = modelled(doing, models.UpdateWorkflowDto, body)
        _put_values(wanted.steps, document)

        def call(novu: Novu) -> object:
            return novu.workflows.update(workflow_id=workflow_id, update_workflow_dto=wanted)

        written: Raw = client.ask(doing, call)
        return written


def _body(document: Document, mark: str | None, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return *document* in Novu's words, with the ids of the steps that stay."""
    return {
        "name": document["title"],
        "description": document["description"],
        "tags": [*document["tags"], *([tag_of(mark)] if mark else [])],
        "active": document["active"],
        "validatePayload": document["validatePayload"],
        "payloadSchema": document["payloadSchema"],
        "severity": document["severity"],
        "preferences": {"user": document["preferences"]},
        "steps": [
            {
                "stepId": each["stepId"],
                "name": each["name"],
                "type": each["type"],
                **({"_id": ids[each["stepId"]]} if each["stepId"] in ids else {}),
            }
            for each in document["steps"]
        ],
    }


def _put_values(steps: Sequence[Any], document: Document) -> None:
    """Give *steps* their control values as they are: the client's models drop what they know not.

    Without that, every value of a step of type ``custom`` is lost in silence, and every field of
    others that is younger than the client.
    """
    for step, wanted in zip(steps, document["steps"], strict=True):
        step.control_values = documents.whole(wanted["type"], wanted["controlValues"])


def _document(raw: Raw) -> dict[str, Any]:
    said = raw.get("preferences") or {}
    return {
        "title": raw["name"],
        "description": raw.get("description") or "",
        "tags": sorted(tag for tag in raw.get("tags") or () if not is_tag(tag)),
        "active": bool(raw.get("active", False)),
        "validatePayload": bool(raw.get("validatePayload", False)),
        "payloadSchema": raw.get("payloadSchema") or None,
        "severity": raw.get("severity", "none"),
        "preferences": documents.preferences(said.get("user") or said.get("default") or {}),
        "steps": [
            documents.step(each["stepId"], each["name"], each["type"], _values(each))
            for each in raw["steps"]
        ],
    }


def _values(step: Raw) -> dict[str, Any]:
    values: dict[str, Any] | None = step.get("controlValues")
    return values or (step.get("controls") or {}).get("values") or {}


def _issues(raw: Raw) -> tuple[str, ...]:
    """Return what Novu complains of, in the workflow and in each of its steps."""
    found = list(complaints(raw.get("issues") or {}))
    for step in raw["steps"]:
        found += complaints(step.get("issues") or {}, step["stepId"])
    return tuple(found[:ISSUES_MAX])
