"""People who pay each other, and the comparison of their own record with the books."""

from __future__ import annotations

import json
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.kind.cluster import CommandFailed
from tests.kind.platform import query

CLIENT = "client"
SERVICE = "gopherpay-serve-svc"
FOLDER = "/tmp"  # noqa: S108 - a volume of the client's pod
PASSWORD = "violet 30417879 umbrella"
SCOPES = ["accounts:read", "accounts:write", "transfers:read", "transfers:write"]


@dataclass(frozen=True, slots=True)
class Door:
    """A Service, that of the platform if nothing else is said, asked from a pod of the cluster."""

    cluster: object
    host: str = SERVICE
    port: int = 8000

    def ask(self, method, path, **more):
        """Return status and answer of one request; *more* is token, scheme, key, body."""
        given = json.dumps({"method": method, "path": path, **more})
        where = ("env", f"CLIENT_HOST={self.host}", f"CLIENT_PORT={self.port}")
        command = ("exec", "-i", CLIENT, "--", *where, "python", "/client/client.py", "ask")
        return tuple(json.loads(self.cluster.kubectl(*command, given=given)))

    def expect(self, status, method, path, **more):
        """Return the answer of a request that must end with *status*."""
        found, answer = self.ask(method, path, **more)
        assert found == status, f"{method} {path}: {found} {answer}"
        return answer


def operator_key(cluster):
    """Return a key that may put money in, made in the head's pod."""
    (head,) = cluster.pods("head")
    printed = cluster.kubectl(
        *("exec", head["metadata"]["name"], "-c", "ray", "--", "gopherpay", "keys", "create"),
        *("--scopes", "treasury:write,admin:read", "--name", uuid.uuid4().hex),
    )
    return printed.split()[-1]


def sign_up(cluster, door, name):
    """Return the e-mail address and the session of somebody new whose address is verified."""
    email = f"{name.lower()}.{uuid.uuid4().hex[:10]}@example.com"
    person = {"email": email, "password": PASSWORD, "full_name": f"{name} Tester"}
    door.expect(202, "POST", "/v1/auth/register", body=person)
    mailbox = f"/v1/dev/mailbox?email={email}"
    (mail, *_) = cluster.until(
        lambda: door.expect(200, "GET", mailbox)["data"], "the mail is there", 60
    )
    door.expect(200, "POST", "/v1/auth/verify", body={"token": mail["token"]})
    login = {"email": email, "password": PASSWORD}
    return email, door.expect(200, "POST", "/v1/auth/login", body=login)["access_token"]


def open_account(door, session, treasury, amount):
    """Return the account of somebody, with money in it."""
    account = door.expect(201, "POST", "/v1/accounts", token=session, body={"currency": "USD"})
    deposit = {"account_id": account["id"], "amount": amount, "currency": "USD", "reference": "x"}
    key = uuid.uuid4().hex
    door.expect(201, "POST", "/v1/deposits", token=treasury, key=key, body=deposit)
    return account["id"]


def party(cluster, door, treasury, name):
    """Return account and API key of somebody new who has money."""
    _, session = sign_up(cluster, door, name)
    account = open_account(door, session, treasury, "100000.00")
    wish = {"name": "payer", "scopes": SCOPES}
    secret = door.expect(201, "POST", "/v1/api-keys", token=session, body=wish)["secret"]
    return {"account": account, "secret": secret}


@dataclass
class Payments:
    """Transfers that run while something happens, and all that were ever acknowledged."""

    cluster: object
    parties: list
    acknowledged: dict = field(default_factory=dict)

    @contextmanager
    def running(self, *, threads=6, requests_a_second=30, host=SERVICE):
        """Pay at *host* while the block runs; the outcome is filled when it has ended."""
        name, outcome = f"p{uuid.uuid4().hex[:8]}", {}
        given = {"name": name, "threads": threads, "requests_a_second": requests_a_second}
        where = ("env", f"CLIENT_HOST={host}")
        command = ("exec", "-i", CLIENT, "--", *where, "python", "/client/client.py", "pay")
        with subprocess.Popen(
            self.cluster.kubectl_command(*command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as paying:
            paying.stdin.write(json.dumps({**given, "parties": self.parties}))
            paying.stdin.close()
            try:
                self._await_first(name)
                yield outcome
            finally:
                self.cluster.kubectl("exec", CLIENT, "--", "touch", f"{FOLDER}/{name}.stop")
                printed = paying.stdout.read()
        self._take_down(name)
        outcome |= json.loads(printed)

    def _await_first(self, name):
        """Wait until money has moved, so that what happens next happens to moving money."""
        self.cluster.until(lambda: self._lines(name), "a first transfer", 120)

    def _lines(self, name):
        return self.cluster.kubectl(
            "exec", CLIENT, "--", "cat", f"{FOLDER}/{name}.jsonl"
        ).splitlines()

    def _take_down(self, name):
        """Add the record of the client to what was acknowledged before."""
        self.acknowledged |= dict(json.loads(line) for line in self._lines(name))

    def missing_and_doubled(self):
        """Return the keys without the transfer that was acknowledged, and those with two."""
        found = {}
        for key, transfer in query(self.cluster, "SELECT idempotency_key, id FROM transfers"):
            found.setdefault(key, []).append(transfer)
        missing = [
            key for key, wanted in self.acknowledged.items() if wanted not in found.get(key, [])
        ]
        doubled = [key for key in self.acknowledged if len(found.get(key, [])) > 1]
        return missing, doubled


def is_there(cluster, what):
    """Tell whether the cluster has an object."""
    try:
        cluster.get(what)
    except CommandFailed as error:
        if "NotFound" in str(error):
            return False
        raise
    return True
