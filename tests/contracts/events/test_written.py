"""Everything that the running platform writes to the outbox keeps the schemas, and its trace."""

from __future__ import annotations

import json
import secrets

import psycopg
import pytest

from actors.domain.events import SUBJECT_KINDS, TYPE_PREFIX, TYPE_VERSION
from actors.messaging import envelope
from actors.messaging.catalogue import catalogue
from tests.contracts.events.test_schemas import validator
from tests.contracts.events.told import TOLD, stored
from tests.fixtures.platform import ELSEWHERE, PASSWORD, a_key

WRITTEN = """
SELECT type, aggregatetype, aggregateid, payload::text, trace_parent FROM outbox
WHERE trace_parent LIKE %s ORDER BY seq
"""
NEW_PASSWORD = "quite another long passphrase"


class Traced:
    """Calls of one trace, each under a span of its own."""

    def __init__(self, platform):
        self.platform = platform
        self.trace_id = secrets.token_hex(16)
        self.spans = {}

    def call(self, client, method, path, expected, **body):
        """Make a call that succeeds as expected; return what it answered."""
        parent = f"00-{self.trace_id}-{secrets.token_hex(8)}-01"
        self.spans[parent] = f"{method} {path}"
        headers = {"traceparent": parent, **a_key()}
        answer = client.request(method, path, json=body or None, headers=headers)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    def join(self):
        """Sign up, prove the address and sign in; return a client."""
        email, anonymous = f"{secrets.token_hex(8)}@example.com", self.platform.anonymous
        person = {"email": email, "password": PASSWORD}
        self.call(anonymous, "POST", "/v1/auth/register", 202, full_name="Ada Lovelace", **person)
        mails = anonymous.get("/v1/dev/mailbox", params={"email": email}).json()["data"]
        self.call(anonymous, "POST", "/v1/auth/verify", 200, token=mails[0]["token"])
        self.platform.log_in(email, ELSEWHERE)
        tokens = self.call(anonymous, "POST", "/v1/auth/login", 200, **person)
        return self.platform.client(tokens["access_token"])

    def move_money(self, ada):
        """Bring money in, pay, be refused, take money out; return the emptied account."""
        treasury = self.platform.treasury
        (source, destination) = (
            self.call(ada, "POST", "/v1/accounts", 201, currency="USD")["id"] for _ in range(2)
        )
        outside = {"amount": "3.00", "currency": "USD", "reference": "r"}
        pay = {
            "source_account_id": source,
            "destination_account_id": destination,
            "currency": "USD",
            "description": 'Brunch "à la carte"\u2028\n',
        }
        self.call(treasury, "POST", "/v1/deposits", 201, account_id=source, **outside)
        self.call(ada, "POST", "/v1/transfers", 201, amount="3.00", **pay)
        self.call(ada, "POST", "/v1/transfers", 422, amount="9.00", **pay)
        self.call(treasury, "POST", "/v1/withdrawals", 201, account_id=destination, **outside)
        return source

    def close_account(self, ada, account_id):
        """Freeze, unfreeze and close the account."""
        path = f"/v1/accounts/{account_id}"
        self.call(self.platform.treasury, "POST", f"{path}/freeze", 200, reason="Asked")
        self.call(self.platform.treasury, "POST", f"{path}/unfreeze", 200, reason="Asked")
        self.call(ada, "POST", f"{path}/close", 200)

    def leave(self, ada):
        """Change everything that identity has, and leave."""
        self.call(ada, "PATCH", "/v1/users/me", 200, full_name="Augusta Ada King")
        key = {"name": "till", "scopes": ["accounts:read"]}
        made = self.call(ada, "POST", "/v1/api-keys", 201, **key)
        self.call(ada, "DELETE", f"/v1/api-keys/{made['id']}", 204)
        changed = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        self.call(ada, "POST", "/v1/auth/password", 204, **changed)
        self.call(ada, "DELETE", "/v1/users/me", 204, password=NEW_PASSWORD)


@pytest.fixture(scope="module")
def written(platform):
    """Return every row that one life caused, and which call each span was."""
    traced = Traced(platform)
    ada = traced.join()
    traced.close_account(ada, traced.move_money(ada))
    traced.leave(ada)
    with psycopg.connect(platform.owner_dsn) as owner:
        rows = owner.execute(WRITTEN, (f"00-{traced.trace_id}-%",)).fetchall()
    return rows, traced.spans


def test_one_life_writes_every_type_there_is(written):
    rows, _ = written
    names = {row[0].removeprefix(TYPE_PREFIX).removesuffix(TYPE_VERSION) for row in rows}

    assert names == set(SUBJECT_KINDS)


def test_every_row_has_the_schema_of_its_type(written):
    rows, _ = written
    for event_type, subject_kind, subject_id, payload, _ in rows:
        known = catalogue()[event_type]
        validator(known.schema).validate(json.loads(payload))

        assert subject_kind == known.subject_kind
        assert json.loads(payload).get(f"{subject_kind}_id", str(subject_id)) == str(subject_id)


def test_every_row_bears_the_trace_of_the_call_that_caused_it(written):
    rows, spans = written
    caused = {}
    for event_type, *_, trace_parent in rows:
        name = event_type.removeprefix(TYPE_PREFIX).removesuffix(TYPE_VERSION)
        caused.setdefault(spans[trace_parent], set()).add(name)

    assert caused["POST /v1/auth/register"] == {"user.registered"}
    assert caused["POST /v1/auth/login"] == {"login.new"}
    assert caused["PATCH /v1/users/me"] == {"user.updated"}
    assert caused["POST /v1/deposits"] == {"deposit.posted"}
    assert caused["POST /v1/transfers"] == {"transfer.posted", "transfer.refused"}
    assert caused["DELETE /v1/users/me"] == {"account.closed", "user.closed"}
    assert all(len(names) <= 2 for names in caused.values())


def test_every_row_becomes_a_record_that_is_read_again(written):
    rows, _ = written
    for event_type, subject_kind, subject_id, payload, trace_parent in rows:
        row = stored(
            TOLD["user.closed"],
            type=event_type,
            subject_kind=subject_kind,
            subject_id=str(subject_id),
            data=payload.encode(),
            trace_parent=trace_parent,
        )
        read = envelope.parse(envelope.record(row, topic_prefix="t", source="urn:test"))

        assert read.data == json.loads(payload)
        assert (read.subject, read.trace_parent) == (subject_id, trace_parent)


def test_no_row_holds_what_names_a_person(written):
    rows, _ = written
    told = " ".join(row[3] for row in rows)

    for secret in ("Ada", "King", "@example.com", PASSWORD, NEW_PASSWORD):
        assert secret not in told
