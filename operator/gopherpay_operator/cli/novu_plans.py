"""What a file wants of Novu, as far as that can be said without a cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator import novu_wishes
from gopherpay_operator.backends.novu import NovuThings
from gopherpay_operator.backends.novu_client import NovuAddress, NovuClient
from gopherpay_operator.backends.novu_integrations import IntegrationCalls
from gopherpay_operator.backends.novu_layouts import LayoutCalls
from gopherpay_operator.backends.novu_pace import Pace, Rate
from gopherpay_operator.backends.novu_topics import TopicCalls
from gopherpay_operator.backends.novu_workflows import WorkflowCalls
from gopherpay_operator.cli.documents import Unreadable
from gopherpay_operator.resources.novu import NovuIntegrationSpec, NovuTopicSpec
from gopherpay_operator.resources.workflows import NovuLayoutSpec, NovuWorkflowSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gopherpay_operator.backends.novu import Calls
    from gopherpay_operator.backends.ports import Backend
    from gopherpay_operator.cli.documents import Document
    from gopherpay_operator.plans.desired import Desired
    from gopherpay_operator.plans.novu import Surroundings

KEY_VARIABLE: Final = "GOPHERPAY_OPERATOR_NOVU_KEY"
_CALLS: Final[Mapping[str, Callable[[], Calls[Any]]]] = {
    "NovuIntegration": IntegrationCalls,
    "NovuLayout": LayoutCalls,
    "NovuTopic": TopicCalls,
    "NovuWorkflow": WorkflowCalls,
}


def backends(url: str) -> dict[str, Backend[Any, Any]]:
    """Return the environment at *url* whose key is in the variable, by kinds.

    Raises:
        Unreadable: If the variable has no key.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key.isascii() or not key:
        raise Unreadable(f"Novu wants the key of an environment: set {KEY_VARIABLE}.")
    client = NovuClient(NovuAddress(url, key), Pace(Rate()))
    return {kind: NovuThings(client, calls()) for kind, calls in _CALLS.items()}


def desired(document: Document, around: Surroundings) -> Desired | None:
    """Return what *document* wants of Novu; ``None`` where that is not in the file."""
    match document.spec:
        case NovuTopicSpec() as spec:
            return novu_wishes.topic(document.name, spec, around)
        case NovuIntegrationSpec() as spec:
            return novu_wishes.integration(document.name, spec, around)
        case NovuLayoutSpec() as spec if spec.content.inline is not None:
            body = spec.content.inline
            return novu_wishes.layout(document.name, spec, around, body=body)
        case NovuWorkflowSpec() as spec if not any(each.body_from for each in spec.steps):
            return novu_wishes.workflow(document.name, spec, around, bodies={})
        case _:
            return None
