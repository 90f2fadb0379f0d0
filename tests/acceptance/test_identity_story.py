"""Joining, signing in, keys and leaving, as a client sees it over HTTP."""

from __future__ import annotations

import secrets
import time

import jwt
import pytest

from tests.acceptance.conftest import assert_problem

PASSWORD = "correct horse battery staple"
NEW = "quite another long passphrase"


class Client:
    """Somebody with an address, and what a browser would remember."""

    def __init__(self, platform, name="Ada Lovelace"):
        self.email = f"{secrets.token_hex(8)}@Example.com"
        self.name = name
        self._platform = platform
        self.anonymous = platform.anonymous

    def post(self, path, *, credential=None, **body):
        """Post *body*, with a credential if there is one."""
        client = self.anonymous if credential is None else self._platform.client(credential)
        return client.post(path, json=body)

    def mails(self):
        """Return the mails to this address, newest first."""
        return self.anonymous.get("/v1/dev/mailbox", params={"email": self.email}).json()["data"]

    def token(self, kind):
        """Return the token of the newest mail of *kind*."""
        return next(mail["token"] for mail in self.mails() if mail["kind"] == kind)

    def register(self, password=PASSWORD):
        """Sign up."""
        return self.post(
            "/v1/auth/register", email=self.email, password=password, full_name=self.name
        )

    def join(self):
        """Sign up and confirm the address; return the user."""
        assert self.register().status_code == 202
        answer = self.post("/v1/auth/verify", token=self.token("verify-email"))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def login(self, password=PASSWORD, email=None):
        """Try to sign in."""
        return self.post("/v1/auth/login", email=email or self.email, password=password)

    def session(self):
        """Sign in and return an HTTP client, and what was answered."""
        answer = self.login()
        assert answer.status_code == 200, answer.text
        return self._platform.client(answer.json()["access_token"]), answer.json()


@pytest.fixture
def ada(platform):
    """Return a verified person."""
    person = Client(platform)
    person.join()
    return person


def eventually_refused(call):
    """Wait until *call* answers 401: within five seconds everywhere."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        answer = call()
        if answer.status_code == 401:
            return answer
    raise AssertionError("still alive after five seconds")


def test_a_person_joins_by_mail(platform):
    ada = Client(platform)
    sent = ada.register()
    user = ada.post("/v1/auth/verify", token=ada.token("verify-email")).json()

    assert (sent.status_code, sent.json()) == (202, {"status": "verification_sent"})
    assert user.keys() == {"id", "email", "full_name", "status", "roles", "language", "created_at"}
    assert (user["email"], user["status"], user["roles"]) == (ada.email, "active", [])


def test_a_taken_address_answers_the_same_and_its_owner_is_told(ada):
    again = ada.register()

    newest = ada.mails()[0]
    assert (again.status_code, again.json()) == (202, {"status": "verification_sent"})
    assert (newest["kind"], newest["token"], newest["link"]) == ("account-exists", None, None)


def test_a_session_knows_its_person(ada):
    http, pair = ada.session()

    me = http.get("/v1/users/me")

    assert me.json() == pair["user"]
    assert (pair["token_type"], pair["expires_in"]) == ("Bearer", 300)
    assert me.headers["cache-control"] == "no-store"


def test_the_published_keys_verify_the_access_token(ada):
    _, pair = ada.session()
    published = jwt.PyJWKSet.from_dict(ada.anonymous.get("/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(pair["access_token"])

    claims = jwt.decode(
        pair["access_token"], published[header["kid"]], ["EdDSA"], audience="gopherpay"
    )

    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": header["kid"]}
    assert claims["sub"] == pair["user"]["id"]
    assert claims["exp"] - claims["iat"] == 300
    assert claims.keys() >= {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid"}


def test_a_name_can_be_changed(ada):
    http, _ = ada.session()

    changed = http.patch("/v1/users/me", json={"full_name": "Augusta Ada King"})
    untouched = http.patch("/v1/users/me", json={})

    assert changed.json()["full_name"] == "Augusta Ada King"
    assert untouched.json() == changed.json() == http.get("/v1/users/me").json()


def test_a_session_goes_on_by_its_refresh_token(ada):
    _, pair = ada.session()

    first = ada.post("/v1/auth/refresh", refresh_token=pair["refresh_token"])
    again = ada.post("/v1/auth/refresh", refresh_token=pair["refresh_token"])

    assert first.json().keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert again.json()["refresh_token"] == first.json()["refresh_token"]
    assert first.json()["refresh_token"] != pair["refresh_token"]


def test_a_stolen_refresh_token_ends_the_session(ada):
    _, pair = ada.session()
    second = ada.post("/v1/auth/refresh", refresh_token=pair["refresh_token"]).json()
    ada.post("/v1/auth/refresh", refresh_token=second["refresh_token"])

    stolen = ada.post("/v1/auth/refresh", refresh_token=pair["refresh_token"])

    assert_problem(stolen, 401, "unauthenticated")
    assert_problem(
        ada.post("/v1/auth/refresh", refresh_token=second["refresh_token"]), 401, "unauthenticated"
    )


@pytest.mark.parametrize("body", [None, {}, {"all": False}, {"all": None}])
def test_a_logout_ends_this_session_within_five_seconds(ada, body):
    http, pair = ada.session()
    other, _ = ada.session()
    arguments = {} if body is None else {"json": body}

    assert http.post("/v1/auth/logout", **arguments).status_code == 204

    eventually_refused(lambda: http.get("/v1/users/me"))
    eventually_refused(lambda: http.get("/v1/accounts"))
    assert ada.post("/v1/auth/refresh", refresh_token=pair["refresh_token"]).status_code == 401
    assert other.get("/v1/users/me").status_code == 200


def test_a_logout_can_end_every_session(ada):
    http, _ = ada.session()
    other, _ = ada.session()

    http.post("/v1/auth/logout", json={"all": True})

    eventually_refused(lambda: other.get("/v1/users/me"))


def test_a_changed_password_ends_the_other_sessions(ada):
    http, _ = ada.session()
    other, _ = ada.session()

    changed = http.post(
        "/v1/auth/password", json={"current_password": PASSWORD, "new_password": NEW}
    )

    assert changed.status_code == 204
    eventually_refused(lambda: other.get("/v1/users/me"))
    assert http.get("/v1/users/me").status_code == 200
    assert ada.mails()[0]["kind"] == "password-changed"
    assert (ada.login().status_code, ada.login(NEW).status_code) == (401, 200)


def test_a_wrong_current_password_is_told_to_its_session(ada):
    http, _ = ada.session()

    wrong = http.post("/v1/auth/password", json={"current_password": NEW, "new_password": NEW})

    assert_problem(wrong, 422, "password-wrong")


def test_a_forgotten_password_is_replaced_by_mail(ada):
    http, _ = ada.session()
    known = ada.post("/v1/auth/password/forgot", email=ada.email)
    unknown = ada.post("/v1/auth/password/forgot", email="nobody@example.com")

    reset = ada.post("/v1/auth/password/reset", token=ada.token("reset-password"), new_password=NEW)

    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert reset.status_code == 204
    eventually_refused(lambda: http.get("/v1/users/me"))
    assert ada.login(NEW).status_code == 200


def test_a_key_acts_within_its_scopes_until_it_is_deleted(ada, platform):
    http, _ = ada.session()
    made = http.post("/v1/api-keys", json={"name": "Shop", "scopes": ["accounts:read"]})
    program = platform.client(made.json()["secret"])

    listed = http.get("/v1/api-keys").json()["data"]

    assert made.status_code == 201
    assert listed == [{k: v for k, v in made.json().items() if k != "secret"}]
    assert program.get("/v1/accounts").status_code == 200
    assert_problem(
        program.post("/v1/accounts", json={"currency": "USD"}), 403, "insufficient-scope"
    )
    assert http.delete(f"/v1/api-keys/{made.json()['id']}").status_code == 204
    eventually_refused(lambda: program.get("/v1/accounts"))
    assert http.get("/v1/api-keys").json()["data"] == []


def test_keys_are_paged(ada):
    http, _ = ada.session()
    for number in range(3):
        http.post("/v1/api-keys", json={"name": f"k{number}", "scopes": ["accounts:read"]})

    first = http.get("/v1/api-keys", params={"limit": 2}).json()
    rest = http.get("/v1/api-keys", params={"limit": 2, "cursor": first["next_cursor"]}).json()

    names = [key["name"] for key in first["data"] + rest["data"]]
    assert names == ["k2", "k1", "k0"]
    assert rest["next_cursor"] is None


def test_somebody_elses_key_is_not_found(ada, platform):
    http, _ = ada.session()
    made = http.post("/v1/api-keys", json={"name": "k", "scopes": ["accounts:read"]}).json()
    grace = Client(platform, "Grace Hopper")
    grace.join()
    theirs, _ = grace.session()

    foreign = theirs.delete(f"/v1/api-keys/{made['id']}")
    absent = theirs.delete("/v1/api-keys/01890a5d-ac96-774b-bcce-b302099a8057")

    assert_problem(foreign, 404, "not-found")
    assert_problem(absent, 404, "not-found")


def test_a_scope_beyond_the_role_is_forbidden(ada):
    http, _ = ada.session()

    beyond = http.post("/v1/api-keys", json={"name": "k", "scopes": ["admin:read"]})

    assert_problem(beyond, 403, "forbidden-action")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "scopes": ["accounts:read"]}, "name"),
        ({"name": "k", "scopes": []}, "scopes"),
        ({"name": "k", "scopes": ["everything"]}, "scopes[]"),
        ({"name": "k", "scopes": "accounts:read"}, "scopes"),
        ({"name": "k", "scopes": ["accounts:read"], "expires_at": "soon"}, "expires_at"),
        (
            {"name": "k", "scopes": ["accounts:read"], "expires_at": "2020-01-01T00:00:00Z"},
            "expires_at",
        ),
        (
            {"name": "k", "scopes": ["accounts:read"], "expires_at": "2099-01-01T00:00:00"},
            "expires_at",
        ),
        (
            {"name": "k", "scopes": ["accounts:read"], "expires_at": "9999-12-31T23:59:59-12:00"},
            "expires_at",
        ),
    ],
)
def test_a_malformed_key_is_refused(ada, body, field):
    http, _ = ada.session()

    answer = http.post("/v1/api-keys", json=body)

    assert_problem(answer, 422, "validation-failed")
    assert answer.json()["errors"][0]["field"].startswith(field.removesuffix("[]"))


def test_a_key_may_have_an_end(ada):
    http, _ = ada.session()
    body = {
        "name": "k",
        "scopes": ["accounts:read"],
        "expires_at": "2099-01-01T02:00:00.5+02:00",
    }

    made = http.post("/v1/api-keys", json=body)

    assert made.json()["expires_at"] == "2099-01-01T00:00:00.500000Z"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/users/me", None),
        ("PATCH", "/v1/users/me", {"full_name": "X"}),
        ("DELETE", "/v1/users/me", {"password": PASSWORD}),
        ("GET", "/v1/api-keys", None),
        ("POST", "/v1/api-keys", {"name": "k", "scopes": ["accounts:read"]}),
        ("DELETE", "/v1/api-keys/01890a5d-ac96-774b-bcce-b302099a8057", None),
        ("POST", "/v1/auth/logout", {}),
        ("POST", "/v1/auth/password", {"current_password": PASSWORD, "new_password": NEW}),
    ],
)
def test_a_key_reads_neither_profile_nor_keys(platform, method, path, body):
    answer = platform.treasury.request(method, path, json=body)

    assert answer.status_code == 403, answer.text


def test_leaving_needs_the_password_and_empty_accounts(platform):
    ada, wallet = platform.funded("1.00")

    wrong = ada.http.request("DELETE", "/v1/users/me", json={"password": NEW})
    full = ada.http.request("DELETE", "/v1/users/me", json={"password": PASSWORD})

    assert_problem(wrong, 422, "password-wrong")
    assert_problem(full, 409, "accounts-not-empty")
    assert ada.http.get(f"/v1/accounts/{wallet}").json()["status"] == "open"


def test_who_has_left_is_gone_and_the_address_is_free(ada):
    http, pair = ada.session()
    http.post("/v1/accounts", json={"currency": "USD"})

    left = http.request("DELETE", "/v1/users/me", json={"password": PASSWORD})

    assert left.status_code == 204
    eventually_refused(lambda: http.get("/v1/users/me"))
    assert ada.login().status_code == 401
    assert ada.post("/v1/auth/refresh", refresh_token=pair["refresh_token"]).status_code == 401
    assert ada.join()["id"] != pair["user"]["id"]
