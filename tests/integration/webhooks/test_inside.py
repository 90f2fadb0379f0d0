"""Outside the development profile nothing of the platform's own network is ever connected to."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from actors.domain.errors_identity import FieldInvalid
from actors.identity.webhooks import Webhooks
from tests.integration.webhooks.conftest import a_receiver

PUBLIC = "93.184.215.14"

SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "0",
    "0.0.0.0",  # noqa: S104  what a stranger may write
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "%31%32%37.0.0.1",
    "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021",
    "example.com@127.0.0.1",
]


class Names:
    """A resolver whose answers are given, one a question; the last one stays."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    async def addresses(self, host, port):
        self.asked.append((host, port))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def leads_to(town, url):
    """Let the only webhook lead to *url*, past every check of the API."""
    await town.query("UPDATE webhooks SET url = %s", url)
    await town.query("UPDATE webhook_deliveries SET attempts = 0")
    await town.make_due()


async def errors(town):
    """Return the error of each delivery."""
    return [row[0] for row in await town.deliveries("last_error")]


@pytest.fixture
def canary():
    """Yield a listener on loopback to which any connection is one too many."""
    with a_receiver() as receiver:
        yield receiver


async def test_no_spelling_of_this_machine_is_taken_as_a_webhook(town):
    strict = Webhooks(town.webhooks.store, town.webhooks.users, town.secrets, anywhere=False)
    ada = await town.person()

    for scheme in ("https", "http"):
        for spelling in SPELLINGS:
            with pytest.raises(FieldInvalid) as refused:
                await strict.create(ada, f"{scheme}://{spelling}:8443/", [])
            assert refused.value.field == "url"

    assert await strict.page(ada, before=None, limit=9) == []


async def test_no_spelling_is_connected_to_even_if_it_is_stored(town, canary):
    await town.listening(canary.url)
    port = canary.url.rpartition(":")[2]

    async with town.sender(anywhere=False) as sender:
        for spelling in SPELLINGS:
            await leads_to(town, f"https://{spelling}:{port}/")
            await sender.turn()
            await sender.settle()
            assert await errors(town) == ["url-refused"]

    assert await canary.hits() == 0
    await leads_to(town, canary.url)
    await town.send_due()  # as the development profile may: so that the canary is known to sing
    assert await canary.hits() == 1


@pytest.mark.parametrize(
    "answer",
    [["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], [PUBLIC, "127.0.0.1"], ["169.254.169.254"]],
)
async def test_a_name_that_leads_inside_is_not_connected_to(town, canary, answer):
    await town.listening(canary.url)
    port = canary.url.rpartition(":")[2]
    await leads_to(town, f"https://hooks.example.com:{port}/")

    await town.send_due(anywhere=False, resolver=Names(answer))

    assert await errors(town) == ["address-refused"]
    assert await canary.hits() == 0


async def test_a_name_that_leads_inside_at_the_second_look_is_refused_then(town, canary):
    await town.listening(canary.url)
    port = canary.url.rpartition(":")[2]
    await leads_to(town, f"https://hooks.example.com:{port}/")
    rebinding = Names([], ["127.0.0.1"])

    async with town.sender(anywhere=False, resolver=rebinding) as sender:
        for expected in ("name-unknown", "address-refused"):
            await town.make_due()
            await sender.turn()
            await sender.settle()
            assert await errors(town) == [expected]

    assert await canary.hits() == 0


async def test_the_name_is_asked_once_an_attempt_and_its_address_is_what_is_connected_to(
    town, receiver
):
    await town.listening(receiver.url)
    port = int(receiver.url.rpartition(":")[2])
    await leads_to(town, f"http://hooks.example.com:{port}/")
    names = Names(["127.0.0.1"], ["203.0.113.1"])

    await town.send_due(resolver=names)

    [request] = receiver.requests
    assert names.asked == [("hooks.example.com", port)]
    assert request.headers["host"] == f"hooks.example.com:{port}"


async def test_the_next_address_is_tried_where_one_does_not_answer(town, receiver):
    await town.listening(receiver.url)
    port = receiver.url.rpartition(":")[2]
    await leads_to(town, f"http://hooks.example.com:{port}/")

    await town.send_due(resolver=Names(["127.0.0.2", "127.0.0.1"]))

    assert [row[1] for row in await town.deliveries()] == ["delivered"]


async def test_no_proxy_of_the_environment_is_used(town, receiver, canary, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, canary.url)
        monkeypatch.setenv(name.upper(), canary.url)
    await town.listening(receiver.url)

    await town.send_due()

    assert (len(receiver.requests), await canary.hits()) == (1, 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hooks.example.com", (["delivered"], [None])),
        ("other.example.com", (["pending"], ["tls-failed"])),
    ],
)
async def test_the_certificate_must_be_that_of_the_name(town, tmp_path, name, expected):
    serving, trusting = certificate_of("hooks.example.com", tmp_path)
    with a_receiver(serving) as receiver:
        await town.listening(receiver.url)
        await leads_to(town, f"https://{name}:{receiver.url.rpartition(':')[2]}/")

        await town.send_due(resolver=Names(["127.0.0.1"]), verify=trusting)

    found = await town.deliveries("status, last_error")
    assert ([row[0] for row in found], [row[1] for row in found]) == expected


def certificate_of(name, folder):
    """Return how a server proves to be *name*, and how a client trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, private)
    return serving, ssl.create_default_context(cafile=certificate)
