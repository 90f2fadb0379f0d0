"""Who may not, and what they are told (rows B39 to B53 and B63 to B70)."""

from __future__ import annotations

import base64
import json

import pytest

from tests.acceptance.conftest import assert_problem, costing_little
from tests.fixtures.platform import a_key

UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def part(**members):
    return base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


UNSIGNED = part(sub=UNKNOWN_ID, exp=9_999_999_999)

CREDENTIALS = {
    "B39 empty": "",
    "B39 no scheme": "abc",
    "B39 another scheme": "Basic YWJjOmRlZg==",
    "B39 scheme alone": "Bearer",
    "B40 two parts": f"Bearer {part(alg='EdDSA')}.{UNSIGNED}",
    "B40 five parts": "Bearer a.b.c.d.e",
    "B40 braces": "Bearer {}.{}.{}",
    "B40 space": "Bearer a.b .c",
    "B41 none": f"Bearer {part(alg='none', typ='at+jwt')}.{UNSIGNED}.",
    "B41 nOnE": f"Bearer {part(alg='nOnE', typ='at+jwt')}.{UNSIGNED}.AA",
    "B42 HS256": f"Bearer {part(alg='HS256', typ='at+jwt')}.{UNSIGNED}.AA",
    "B44 jku": f"Bearer {part(alg='EdDSA', jku='https://evil.example')}.{UNSIGNED}.AA",
    "B45 kid with a path": f"Bearer {part(alg='EdDSA', kid='../../etc/passwd')}.{UNSIGNED}.AA",
    "B46 crit": f"Bearer {part(alg='EdDSA', crit=['x'])}.{UNSIGNED}.AA",
    "B52 deep payload": "Bearer a." + "W1tb" * 700 + ".c",
    "B53 JWE": f"Bearer {part(alg='PBES2-HS256+A128KW', p2c=10**9, enc='A128GCM')}.a.b.c.d",
    "an API key that is none": "Bearer gpk_" + "A" * 64,
    "an API key cut short": "Bearer gpk_AAAA",
    "not ASCII": "Bearer é".encode(),
}


@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_credential_that_does_not_count_gets_one_generic_answer(platform, credential):
    with costing_little():
        answer = platform.anonymous.get("/v1/accounts", headers={"Authorization": credential})

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_without_a_credential_the_answer_is_the_same(platform):
    bare = platform.anonymous.get("/v1/accounts")
    wrong = platform.anonymous.get("/v1/accounts", headers={"Authorization": "Bearer a.b.c"})

    assert_problem(bare, 401, "unauthenticated")
    ignore = {"request_id": None}
    assert bare.json() | ignore == wrong.json() | ignore


@pytest.mark.parametrize("tail", ["=", "==", ".", "x", "\u00a0", " x"])
def test_a_good_token_with_something_behind_it_does_not_count(platform, pair, tail):
    authorization = f"Bearer {pair.ada.token}{tail}".encode()

    answer = platform.anonymous.get("/v1/accounts", headers={"Authorization": authorization})

    assert_problem(answer, 401, "unauthenticated")


def test_a_huge_token_is_refused_cheaply(platform):
    huge = {"Authorization": "Bearer " + "a" * 256_000}

    with costing_little():
        answer = platform.anonymous.get("/v1/accounts", headers=huge)

    assert answer.status_code == 431


def test_two_credentials_are_none(platform, pair):
    one = ("Authorization", pair.ada.http.headers["Authorization"])

    answer = platform.anonymous.get("/v1/accounts", headers=[one, one])

    assert_problem(answer, 401, "unauthenticated")


def test_a_token_in_the_query_does_not_count(platform, pair):
    answer = platform.anonymous.get(f"/v1/accounts?access_token={pair.ada.token}")

    assert_problem(answer, 401, "unauthenticated")


def test_the_credential_is_checked_before_the_body(platform):
    answer = platform.anonymous.post("/v1/transfers", content=b"not JSON")

    assert_problem(answer, 401, "unauthenticated")


def test_somebody_elses_object_and_none_are_the_same(pair):
    bob, ada = pair.bob.http, pair.ada.http
    sent = ada.post("/v1/transfers", json=pair.body(amount="0.01"), headers=a_key()).json()["id"]

    for path in (
        "/v1/accounts/{}",
        "/v1/accounts/{}/entries",
        "/v1/accounts/{}/balance",
        "/v1/transfers?account_id={}",
    ):
        foreign, missing = bob.get(path.format(pair.wallet)), bob.get(path.format(UNKNOWN_ID))
        assert_problem(foreign, 404, "not-found")
        assert _same(foreign, missing)
    assert bob.get(f"/v1/transfers/{sent}").status_code == 200


def test_a_stranger_sees_no_transfer(platform, pair):
    sent = pair.ada.http.post(
        "/v1/transfers", json=pair.body(amount="0.01"), headers=a_key()
    ).json()["id"]
    stranger = platform.person("Eve Other").http

    foreign = stranger.get(f"/v1/transfers/{sent}")
    missing = stranger.get(f"/v1/transfers/{UNKNOWN_ID}")

    assert_problem(foreign, 404, "not-found")
    assert _same(foreign, missing)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/v1/accounts/{}", {"name": "mine"}),
        ("PATCH", "/v1/accounts/{}", {"default": True}),
        ("POST", "/v1/accounts/{}/close", {}),
    ],
)
def test_nothing_is_done_to_somebody_elses_account(without_effect, method, path, body):
    foreign = without_effect.bob.http.request(method, path.format(without_effect.wallet), json=body)

    assert_problem(foreign, 404, "not-found")
    shown = without_effect.ada.http.get(f"/v1/accounts/{without_effect.wallet}").json()
    assert (shown["name"], shown["status"]) == (None, "open")


def test_nobody_pays_from_somebody_elses_account(without_effect):
    def tried(source):
        body = without_effect.body(
            source_account_id=source, destination_account_id=without_effect.other
        )
        return without_effect.bob.http.post("/v1/transfers", json=body, headers=a_key())

    foreign, missing = tried(without_effect.wallet), tried(UNKNOWN_ID)

    assert_problem(foreign, 404, "not-found")
    assert _same(foreign, missing)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/deposits"),
        ("POST", "/v1/withdrawals"),
        ("GET", "/v1/admin/books"),
        ("POST", f"/v1/accounts/{UNKNOWN_ID}/freeze"),
        ("POST", f"/v1/accounts/{UNKNOWN_ID}/unfreeze"),
    ],
)
def test_a_customer_is_told_so_before_anything_is_looked_up(without_effect, method, path):
    answer = without_effect.ada.http.request(method, path)

    assert_problem(answer, 403, "insufficient-scope")


@pytest.mark.parametrize(
    ("scopes", "method", "path"),
    [
        (("transfers:read", "transfers:write"), "GET", "/v1/accounts"),
        (("accounts:read",), "POST", "/v1/accounts"),
        (("accounts:read",), "PATCH", f"/v1/accounts/{UNKNOWN_ID}"),
        (("accounts:read",), "POST", f"/v1/accounts/{UNKNOWN_ID}/close"),
        (("transfers:read",), "POST", "/v1/transfers"),
        (("transfers:read",), "POST", "/v1/transfers/bulk"),
        (("transfers:write",), "GET", "/v1/transfers"),
        (("transfers:write",), "GET", f"/v1/transfers/{UNKNOWN_ID}"),
    ],
)
def test_a_key_does_what_its_scopes_say_and_no_more(platform, pair, scopes, method, path):
    key = platform.api_key(pair.ada, *scopes)

    assert_problem(key.request(method, path), 403, "insufficient-scope")


def test_an_operator_reads_what_is_anybodys_and_changes_nothing(platform, pair):
    operator = platform.treasury

    account = operator.get(f"/v1/accounts/{pair.wallet}")
    entries = operator.get(f"/v1/accounts/{pair.wallet}/entries")
    transfers = operator.get("/v1/transfers", params={"account_id": pair.wallet})
    renamed = operator.patch(f"/v1/accounts/{pair.wallet}", json={"name": "x"})

    assert account.json()["owner_id"] == pair.ada.id
    assert entries.json()["data"][-1]["kind"] == "deposit"
    assert len(transfers.json()["data"]) == len(entries.json()["data"])
    assert "idempotency_key" not in transfers.json()["data"][0] or (
        transfers.json()["data"][0]["kind"] == "deposit"
    )
    assert_problem(renamed, 403, "insufficient-scope")


def test_the_other_sides_name_is_masked(pair):
    sent = pair.ada.http.post("/v1/transfers", json=pair.body(amount="0.01"), headers=a_key())

    entry = pair.bob.http.get(f"/v1/accounts/{pair.other}/entries").json()["data"][0]

    assert entry["transfer_id"] == sent.json()["id"]
    assert entry["counterparty"] == {"name": "A*** L."}
    assert pair.ada.email not in json.dumps(entry)


def _same(foreign, missing):
    """Tell whether both answers say the same, in the same number of bytes."""
    ignore = {"request_id": None}
    return (
        foreign.status_code == missing.status_code
        and foreign.json() | ignore == missing.json() | ignore
        and len(foreign.content) == len(missing.content)
    )
