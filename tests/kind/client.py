"""A client with a record of its own: runs in a pod beside the platform, with nothing but Python.

``client.py ask METHOD PATH`` sends one request; what it needs besides comes as JSON by stdin.
``client.py pay NAME`` sends transfers until the file NAME.stop is there, and repeats what failed
under the same key. Each acknowledged one is a line of NAME.jsonl; the summary goes to stdout.
"""

import http.client
import itertools
import json
import os
import pathlib
import random
import sys
import threading
import time
from dataclasses import dataclass, field

HOST = os.environ.get("CLIENT_HOST", "gopherpay-serve-svc")
PORT = int(os.environ.get("CLIENT_PORT", "8000"))
FOLDER = pathlib.Path("/tmp")  # noqa: S108 - a volume of the pod, nobody else is in it
REQUEST_SECONDS = 10
REPEATED_FOR_SECONDS = 180
PAUSE_SECONDS = 0.2


class Line:
    """One connection that is kept, and made again after a failure."""

    def __init__(self):
        self._connection = None

    def ask(self, method, path, headers, body):
        """Return status and decoded body; whatever fails is an OSError."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(HOST, PORT, timeout=REQUEST_SECONDS)
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            return answer.status, decoded(answer.read())
        except (http.client.HTTPException, OSError) as error:
            self.end()
            raise ConnectionError(type(error).__name__) from error

    def end(self):
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def decoded(content):
    """Return what a body says, None when it is not JSON."""
    try:
        return json.loads(content)
    except ValueError:
        return None


def headers_of(token=None, key=None, scheme="Bearer"):
    """Return the headers of a request."""
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"{scheme} {token}"
    if key is not None:
        headers["Idempotency-Key"] = key
    return headers


@dataclass
class Tally:
    """What the payers have seen, shared by all of them."""

    acknowledged: int = 0
    failed_at_first: int = 0
    failures: dict = field(default_factory=dict)
    unresolved: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    longest_seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def failed(self, what, attempt):
        """Count one request that brought no transfer."""
        with self.lock:
            self.failed_at_first += attempt == 0
            self.failures[what] = self.failures.get(what, 0) + 1

    def facts(self):
        """Return all but the lock."""
        return {name: value for name, value in vars(self).items() if name != "lock"}


@dataclass
class Payer:
    """One that pays, a transfer after the other."""

    name: str
    parties: list
    tally: Tally
    record: object
    pace_seconds: float

    def pay_until(self, stop):
        """Pay at a pace until *stop* is there."""
        line = Line()
        for number in itertools.count():
            if stop.exists():
                break
            began = time.monotonic()
            self._pay(line, f"{self.name}-{number}")
            time.sleep(max(0.0, self.pace_seconds - (time.monotonic() - began)))
        line.end()

    def _pay(self, line, key):
        """Send one transfer, again and again under its key until it is decided."""
        payer, payee = random.sample(self.parties, 2)
        cents = random.randint(1, 99)  # noqa: S311 - nothing that anybody guesses
        body = json.dumps(
            {
                "source_account_id": payer["account"],
                "destination_account_id": payee["account"],
                "amount": f"0.{cents:02}",
                "currency": "USD",
            }
        )
        began = time.monotonic()
        for attempt in itertools.count():
            if self._is_decided(line, (key, payer["secret"], body), attempt):
                break
            if time.monotonic() - began > REPEATED_FOR_SECONDS:
                with self.tally.lock:
                    self.tally.unresolved.append(key)
                break
            time.sleep(PAUSE_SECONDS)
        with self.tally.lock:
            self.tally.longest_seconds = max(self.tally.longest_seconds, time.monotonic() - began)

    def _is_decided(self, line, asked, attempt):
        key, secret, body = asked
        try:
            status, answer = line.ask("POST", "/v1/transfers", headers_of(secret, key), body)
        except OSError as error:
            self.tally.failed(str(error), attempt)
            return False
        if status in (200, 201) and answer is not None:
            self._acknowledge(key, answer["id"])
            return True
        code = (answer or {}).get("code", "no problem document")
        self.tally.failed(f"{status} {code}", attempt)
        if status >= 500 or (answer or {}).get("retryable"):
            return False
        with self.tally.lock:
            self.tally.refused.append([key, status, code])
        return True

    def _acknowledge(self, key, transfer_id):
        with self.tally.lock:
            self.tally.acknowledged += 1
            self.record.write(f"{json.dumps([key, transfer_id])}\n")
            self.record.flush()


def pay(name, threads, requests_a_second, parties):
    """Pay from several threads, and print what came of it."""
    tally, stop = Tally(), FOLDER / f"{name}.stop"
    pace = threads / requests_a_second
    with (FOLDER / f"{name}.jsonl").open("w", encoding="utf-8") as record:
        payers = [
            threading.Thread(
                target=Payer(f"{name}-{number}", parties, tally, record, pace).pay_until,
                args=(stop,),
            )
            for number in range(threads)
        ]
        for payer in payers:
            payer.start()
        for payer in payers:
            payer.join()
    sys.stdout.write(json.dumps(tally.facts()))


def ask(method, path, body=None, **credentials):
    """Send one request, and print status and answer."""
    content = None if body is None else json.dumps(body)
    status, answer = Line().ask(method, path, headers_of(**credentials), content)
    sys.stdout.write(json.dumps([status, answer]))


if __name__ == "__main__":
    {"ask": ask, "pay": pay}[sys.argv[1]](**json.load(sys.stdin))
