"""Integrations: known to people by identifier and to Novu's calls by id.

The list has those of every environment of the organisation. What Novu answers of credentials
may be masked or in the clear: it is not looked at, but for the switch of the inbox's HMAC.
What is written is checked by the models of ``novu-py`` and sent without them, for they empty the
options of TLS.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from novu_py import models

from gopherpay_operator.backends.novu_client import modelled
from gopherpay_operator.backends.ports import Rejected
from gopherpay_operator.plans import novu_documents as documents
from gopherpay_operator.plans.novu import NovuState, hashed
from gopherpay_operator.plans.novu_marks import with_mark, without_mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gopherpay_operator.backends.novu import Raw
    from gopherpay_operator.backends.novu_client import NovuClient
    from gopherpay_operator.plans.novu import NovuIntegration

_ALL: Final = "/v1/integrations"
_OBJECTS: Final = frozenset({"tlsOptions"})
"""Credentials that are no text; a Secret holds them as JSON."""

_CREDENTIALS: Final = frozenset(
    field.alias or name for name, field in models.CredentialsDto.model_fields.items()
)


class IntegrationCalls:
    """`novu.Calls` and `novu.CredentialCalls` for integrations."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._sent: dict[str, str] = {}

    def find(self, client: NovuClient, wishes: Sequence[NovuIntegration]) -> dict[str, Raw]:
        """Return the integrations of *wishes*, by one call.

        Raises:
            Rejected: If several are meant, since nobody has said in which environment.
        """
        listed = client.ask("Look at the integrations", lambda novu: novu.integrations.list())
        found: dict[str, Raw] = {}
        for wish in wishes:
            meant = [raw for raw in listed if _is_meant(raw, wish)]
            if len(meant) > 1:
                raise Rejected(f"Several environments have an integration '{wish.name}'.")
            if meant:
                found[wish.name] = meant[0]
        return found

    def state(
        self,
        client: NovuClient,  # noqa: ARG002 - the port has it
        raw: Raw,
        wish: NovuIntegration,
        *,
        is_leaving: bool,  # noqa: ARG002 - the port has it
    ) -> NovuState:
        """Return the integration in our words."""
        document = {
            "title": without_mark(raw["name"])[0],
            "active": raw["active"],
            "conditions": documents.conditions(raw.get("conditions") or ()),
        }
        return NovuState(
            raw["_id"],
            document,
            hashed(document),
            provider=raw["providerId"],
            channel=raw.get("channel", ""),
            is_primary=raw["primary"],
            sent=self._sent.get(wish.name, wish.believed),
            has_hmac=_has_hmac(raw),
        )

    def mark(self, raw: Raw) -> str | None:
        """Return the mark at the end of its name."""
        return without_mark(raw["name"])[1]

    def create(self, client: NovuClient, wish: NovuIntegration, mark: str) -> None:
        """Make the integration with its credentials."""
        body = {
            "name": with_mark(wish.document["title"], mark),
            "identifier": wish.name,
            "providerId": wish.provider,
            "channel": wish.channel,
            "active": wish.document["active"],
            "conditions": wish.document["conditions"],
            "credentials": _credentials(wish),
            "check": False,
        }
        doing = f"Create integration '{wish.name}'"
        modelled(doing, models.CreateIntegrationRequestDto, body)
        client.send(doing, "POST", _ALL, body, _secrets(wish))
        self._remember(wish)

    def change(self, client: NovuClient, raw: Raw, wish: NovuIntegration) -> None:
        """Write everything but the credentials, which stay when they are not named."""
        body = {
            "name": with_mark(wish.document["title"], self.mark(raw)),
            "active": wish.document["active"],
            "conditions": wish.document["conditions"],
        }
        self._update(client, raw, body)

    def put_mark(self, client: NovuClient, raw: Raw, mark: str | None) -> None:
        """Let its name end with *mark*."""
        self._update(client, raw, {"name": with_mark(without_mark(raw["name"])[0], mark)})

    def delete(self, client: NovuClient, raw: Raw) -> None:
        """Delete it with its credentials."""
        integration_id = raw["_id"]
        client.ask(
            f"Delete integration '{raw['identifier']}'",
            lambda novu: novu.integrations.delete(integration_id=integration_id),
        )
        self._sent.pop(raw["identifier"], None)

    def send_credentials(self, client: NovuClient, raw: Raw, wish: NovuIntegration) -> None:
        """Replace the credentials."""
        self._update(client, raw, {"credentials": _credentials(wish)}, _secrets(wish))
        self._remember(wish)

    def make_primary(self, client: NovuClient, raw: Raw) -> None:
        """Make it the primary one of its channel."""
        integration_id = raw["_id"]
        client.ask(
            f"Make integration '{raw['identifier']}' the primary one",
            lambda novu: novu.integrations.set_as_primary(integration_id=integration_id),
        )

    def _update(
        self, client: NovuClient, raw: Raw, body: Mapping[str, Any], secrets: Sequence[str] = ()
    ) -> None:
        doing = f"Write integration '{raw['identifier']}'"
        modelled(doing, models.UpdateIntegrationRequestDto, body)
        client.send(doing, "PUT", f"{_ALL}/{raw['_id']}", body, secrets)

    def _remember(self, wish: NovuIntegration) -> None:
        if wish.credentials is not None:
            self._sent[wish.name] = wish.credentials.fingerprint


def _is_meant(raw: Raw, wish: NovuIntegration) -> bool:
    if raw["identifier"] != wish.name or raw["deleted"]:
        return False
    return wish.around.environment_id in {None, raw["_environmentId"]}


def _has_hmac(raw: Raw) -> bool | None:
    credentials = raw.get("credentials")
    if not isinstance(credentials, dict):
        return None
    told = credentials.get("hmac", False)
    return told if isinstance(told, bool) else None


def _credentials(wish: NovuIntegration) -> dict[str, Any]:
    """Return the credentials in Novu's words.

    Raises:
        Rejected: If Novu has no such credential: the client would leave it out in silence.
    """
    clear = wish.credentials.clear if wish.credentials else {}
    unknown = sorted(clear.keys() - _CREDENTIALS)
    if unknown:
        raise Rejected(
            f"Integration '{wish.name}': Novu knows no credential {', '.join(map(repr, unknown))}. "
            "Name the keys of the Secret in Novu's words by credentialsSecretRef.mapping."
        )
    read = {key: _read(wish, key, value) for key, value in clear.items()}
    doing = f"Credentials of integration '{wish.name}'"
    typed = modelled(doing, models.CredentialsDto, read).model_dump(by_alias=True)
    return {key: value if key in _OBJECTS else typed[key] for key, value in read.items()}


def _read(wish: NovuIntegration, key: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    if key not in _OBJECTS or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise Rejected(f"Integration '{wish.name}': its {key} must be JSON.") from None


def _secrets(wish: NovuIntegration) -> list[str]:
    clear = wish.credentials.clear if wish.credentials else {}
    return [value for value in clear.values() if isinstance(value, str)]
