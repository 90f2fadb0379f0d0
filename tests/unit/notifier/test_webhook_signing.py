"""Signatures, as the specification's own library checks them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from actors.notifier.webhooks.signing import secret_key, secret_text, signed_headers

KEY = bytes(range(32))
BODY = '{"id":"1","data":{"description":"Phở"}}'.encode()


def now():
    return int(datetime.now(UTC).timestamp())


def headers(**changes):
    return signed_headers(KEY, UUID(int=5), now(), BODY) | changes


def test_the_reference_library_takes_our_signature():
    verified = Webhook(secret_text(KEY)).verify(BODY, headers())

    assert verified["data"]["description"] == "Phở"


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook-id": str(UUID(int=6))},
        {"webhook-timestamp": str(now() - 60)},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v2," + headers()["webhook-signature"].partition(",")[2]},
    ],
)
def test_it_refuses_what_was_changed_on_the_way(wrong):
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(KEY)).verify(BODY, headers(**wrong))


def test_it_refuses_another_body_and_another_secret():
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(KEY)).verify(BODY + b" ", headers())
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(KEY[::-1])).verify(BODY, headers())


def test_it_refuses_an_old_attempt():
    old = signed_headers(KEY, UUID(int=5), now() - 3_600, BODY)

    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(KEY)).verify(BODY, old)


def test_a_secret_comes_back_from_its_text():
    assert secret_text(KEY).startswith("whsec_")
    assert secret_key(secret_text(KEY)) == KEY
