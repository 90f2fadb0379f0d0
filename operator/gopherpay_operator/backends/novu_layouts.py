"""Layouts: made by identifier and name, and filled by a second call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gopherpay_operator.backends.novu_contents import Echoes
from gopherpay_operator.backends.ports import Rejected
from gopherpay_operator.plans.novu import NovuState, hashed
from gopherpay_operator.plans.novu_marks import with_mark, without_mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from novu_py import Novu

    from gopherpay_operator.backends.novu import Raw
    from gopherpay_operator.backends.novu_client import NovuClient
    from gopherpay_operator.plans.novu import Document, NovuLayout


class LayoutCalls:
    """`novu.Calls` for layouts."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._echoes = Echoes()

    def find(self, client: NovuClient, wishes: Sequence[NovuLayout]) -> dict[str, Raw]:
        """Return the layouts of *wishes*, by a call for each."""
        found = {wish.name: self._get(client, wish.name) for wish in wishes}
        return {name: raw for name, raw in found.items() if raw is not None}

    def state(
        self, client: NovuClient, raw: Raw, wish: NovuLayout, *, is_leaving: bool
    ) -> NovuState:
        """Return the layout in our words."""
        live = _document(raw)
        return NovuState(
            raw["_id"],
            self._echoes.understood(wish, live),
            hashed(live),
            used_by=self._users(client, raw) if is_leaving else (),
        )

    def mark(self, raw: Raw) -> str | None:
        """Return the mark at the end of its name."""
        return without_mark(raw["name"])[1]

    def create(self, client: NovuClient, wish: NovuLayout, mark: str) -> None:
        """Make the layout and fill it.

        Raises:
            Rejected: If this Novu chooses the identifiers of layouts itself.
        """
        name = with_mark(wish.document["title"], mark)
        doing = f"Create layout '{wish.name}'"

        def call(novu: Novu) -> object:
            return novu.layouts.create(create_layout_dto={"layout_id": wish.name, "name": name})

        raw = client.ask(doing, call)
        if raw["layoutId"] != wish.name:
            self.delete(client, raw)
            raise Rejected(f"{doing}: Novu would call it '{raw['layoutId']}', so it was removed.")
        self.change(client, {**raw, "name": name}, wish)

    def change(self, client: NovuClient, raw: Raw, wish: NovuLayout) -> None:
        """Write its name and its text."""
        name = with_mark(wish.document["title"], self.mark(raw))
        written = self._write(client, raw, name, _values(wish.document))
        self._echoes.hear(wish.name, wish.document, _document(written))

    def put_mark(self, client: NovuClient, raw: Raw, mark: str | None) -> None:
        """Let its name end with *mark*; its text is sent again, for it could be lost otherwise."""
        name = with_mark(without_mark(raw["name"])[0], mark)
        self._write(client, raw, name, _values(_document(raw)))

    def delete(self, client: NovuClient, raw: Raw) -> None:
        """Delete it."""
        layout_id = raw["_id"]
        client.ask(
            f"Delete layout '{raw['layoutId']}'",
            lambda novu: novu.layouts.delete(layout_id=layout_id),
        )

    def _get(self, client: NovuClient, name: str) -> Raw | None:
        found: Raw | None = client.ask_if_there(
            f"Look at layout '{name}'", lambda novu: novu.layouts.retrieve(layout_id=name)
        )
        return found

    def _users(self, client: NovuClient, raw: Raw) -> tuple[str, ...]:
        layout_id = raw["_id"]
        used = client.ask(
            f"Look who uses layout '{raw['layoutId']}'",
            lambda novu: novu.layouts.usage(layout_id=layout_id),
        )
        return tuple(each["workflowId"] for each in used["workflows"])

    def _write(self, client: NovuClient, raw: Raw, name: str, values: dict[str, Any]) -> Raw:
        body = {"name": name, "control_values": values}
        layout_id = raw["_id"]

        def call(novu: Novu) -> object:
            return novu.layouts.update(
                layout_id=layout_id,
                update_layout_dto=body,  # type: ignore[arg-type]
            )

        written: Raw = client.ask(f"Write layout '{raw['layoutId']}'", call)
        return written


def _document(raw: Raw) -> dict[str, Any]:
    values = (raw["controls"].get("values") or {}).get("email") or {}
    return {
        "title": without_mark(raw["name"])[0],
        "body": values.get("body", ""),
        "editorType": values.get("editorType", "block"),
    }


def _values(document: Document) -> dict[str, Any]:
    return {"email": {"body": document["body"], "editor_type": document["editorType"]}}
