"""Mails in words: each in the language that its reader has chosen."""

from __future__ import annotations

import string
from typing import get_args

import pytest

from actors.domain.credentials import MailKind
from actors.domain.users import LANGUAGES
from actors.identity.mailbox import WORDINGS
from actors.identity.registration import Wish
from tests.integration.identity.conftest import PASSWORD

ADA, LINH = "ada@example.com", "linh@example.com"
NEW_PASSWORD = "quite another long passphrase"


async def subjects(world, email):
    """Return the subjects of the mails to *email*, oldest first."""
    return [mail.subject for mail in await world.identity.mailbox.read(email)][::-1]


@pytest.mark.parametrize("kind", get_args(MailKind))
def test_every_kind_says_the_same_in_every_language(kind):
    assert set(WORDINGS) == set(LANGUAGES)
    fields = {
        language: {name for _, name, _, _ in string.Formatter().parse(wordings[kind].text) if name}
        for language, wordings in WORDINGS.items()
    }

    assert all(found == fields["en"] for found in fields.values())
    assert len({wordings[kind] for wordings in WORDINGS.values()}) == len(LANGUAGES)


async def test_each_reader_is_written_to_in_the_language_of_the_registration(world):
    await world.a_user(ADA)
    await world.a_user(LINH, name="Nguyễn Linh", language="vi")

    [english], [vietnamese] = [await world.identity.mailbox.read(who) for who in (ADA, LINH)]
    assert english.subject == "Confirm your address"
    assert vietnamese.subject == "Xác nhận địa chỉ của bạn"
    assert vietnamese.text.startswith("Chào Nguyễn Linh, ")
    assert vietnamese.text.endswith(f": {vietnamese.link}")
    assert vietnamese.token in vietnamese.link


async def test_every_mail_to_a_reader_is_in_their_language(world):
    await world.a_user(LINH, language="vi")
    stranger = Wish(LINH, "Somebody Else", PASSWORD, "en")
    await world.identity.registration.register(stranger, source="test")
    await world.identity.passwords.forgot(LINH, source="test")
    token = await world.newest_token(LINH, "reset-password")
    await world.identity.passwords.reset(token, NEW_PASSWORD)

    kinds = ("verify-email", "account-exists", "reset-password", "password-changed")
    assert await subjects(world, LINH) == [WORDINGS["vi"][kind].subject for kind in kinds]


async def test_a_reader_who_changes_the_language_reads_mails_in_the_new_one(world):
    await world.a_user(ADA)
    principal = await world.who((await world.signed_in()).access_token)

    await world.identity.profiles.change(principal, language="vi")

    assert await subjects(world, ADA) == ["Xác nhận địa chỉ của bạn"]
