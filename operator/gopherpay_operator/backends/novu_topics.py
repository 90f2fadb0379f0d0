"""Topics of subscribers; who is subscribed is the application's business."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gopherpay_operator.plans.novu import NovuState, hashed
from gopherpay_operator.plans.novu_marks import with_mark, without_mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from novu_py import Novu

    from gopherpay_operator.backends.novu import Raw
    from gopherpay_operator.backends.novu_client import NovuClient
    from gopherpay_operator.plans.novu import NovuTopic


class TopicCalls:
    """`novu.Calls` for topics."""

    def find(self, client: NovuClient, wishes: Sequence[NovuTopic]) -> dict[str, Raw]:
        """Return the topics of *wishes*, by a call for each."""
        found = {wish.name: self._get(client, wish.name) for wish in wishes}
        return {name: raw for name, raw in found.items() if raw is not None}

    def state(
        self,
        client: NovuClient,  # noqa: ARG002 - the port has it
        raw: Raw,
        wish: NovuTopic,  # noqa: ARG002 - the port has it
        *,
        is_leaving: bool,  # noqa: ARG002 - the port has it
    ) -> NovuState:
        """Return the topic in our words."""
        title, _ = without_mark(raw.get("name") or "")
        document = {"title": title}
        return NovuState(raw["_id"], document, hashed(document))

    def mark(self, raw: Raw) -> str | None:
        """Return the mark at the end of its name."""
        return without_mark(raw.get("name") or "")[1]

    def create(self, client: NovuClient, wish: NovuTopic, mark: str) -> None:
        """Make the topic; Novu would change one that is there, and is told not to."""
        wanted = {"key": wish.name, "name": with_mark(wish.document["title"], mark)}

        def call(novu: Novu) -> object:
            return novu.topics.create(
                create_update_topic_request_dto=wanted,  # type: ignore[arg-type]
                fail_if_exists=True,
            )

        client.ask(f"Create topic '{wish.name}'", call)

    def change(self, client: NovuClient, raw: Raw, wish: NovuTopic) -> None:
        """Give it the name that is wanted."""
        self._rename(client, raw, with_mark(wish.document["title"], self.mark(raw)))

    def put_mark(self, client: NovuClient, raw: Raw, mark: str | None) -> None:
        """Let its name end with *mark*."""
        self._rename(client, raw, with_mark(without_mark(raw.get("name") or "")[0], mark))

    def delete(self, client: NovuClient, raw: Raw) -> None:
        """Delete it with its subscriptions."""
        key = raw["key"]
        client.ask(f"Delete topic '{key}'", lambda novu: novu.topics.delete(topic_key=key))

    def _get(self, client: NovuClient, key: str) -> Raw | None:
        found: Raw | None = client.ask_if_there(
            f"Look at topic '{key}'", lambda novu: novu.topics.get(topic_key=key)
        )
        return found

    def _rename(self, client: NovuClient, raw: Raw, name: str) -> None:
        key = raw["key"]

        def call(novu: Novu) -> object:
            return novu.topics.update(topic_key=key, update_topic_request_dto={"name": name})

        client.ask(f"Rename topic '{key}'", call)
