"""What people see and change of themselves, and how it lies in the database."""

from __future__ import annotations

from uuid import uuid4

import pytest

from actors.domain.errors import AccountsNotEmpty, InsufficientScope, Unauthenticated
from actors.domain.errors_identity import FieldInvalid, PasswordWrong, UserUnknown
from actors.security.sealing import SealBroken
from tests.integration.identity.conftest import PASSWORD

ADA = "ada@example.com"


async def _session(world, email=ADA):
    return await world.who((await world.signed_in(email)).access_token)


async def test_people_see_themselves(world):
    user = await world.a_user()

    assert await world.identity.profiles.show(await _session(world)) == user


async def test_a_new_name_is_kept(world):
    await world.a_user()
    principal = await _session(world)

    renamed = await world.identity.profiles.change(principal, full_name="Augusta Ada King")

    assert renamed.full_name == "Augusta Ada King"
    assert await world.identity.profiles.show(principal) == renamed


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb", "a\0b"])
async def test_a_name_must_be_readable(world, name):
    await world.a_user()

    with pytest.raises(FieldInvalid):
        await world.identity.profiles.change(await _session(world), full_name=name)


async def test_a_key_sees_no_profile(world):
    await world.a_user()
    made = await world.identity.api_keys.create(await _session(world), "k", ["accounts:read"])
    principal = await world.who(made.secret)

    for call in (
        world.identity.profiles.show(principal),
        world.identity.profiles.change(principal, full_name="Somebody Else"),
        world.identity.profiles.close(principal, PASSWORD),
    ):
        with pytest.raises(InsufficientScope):
            await call


async def test_every_credential_dies_with_a_closed_user(world):
    await world.a_user()
    pair = await world.signed_in()
    principal = await world.who(pair.access_token)
    key = await world.identity.api_keys.create(principal, "k", ["accounts:read"])
    await world.identity.profiles.close(principal, PASSWORD)

    for call in (
        world.who(pair.access_token),
        world.who(key.secret),
        world.identity.sign_in.refresh(pair.refresh_token),
        world.identity.profiles.show(principal),
    ):
        with pytest.raises(Unauthenticated):
            await call


async def test_a_closed_users_address_is_free_again(world):
    first = await world.a_user()
    await world.identity.profiles.close(await _session(world), PASSWORD)

    second = await world.a_user()

    assert second.id != first.id
    assert await world.signed_in()


async def test_closing_needs_the_password(world):
    await world.a_user()
    principal = await _session(world)

    with pytest.raises(PasswordWrong):
        await world.identity.profiles.close(principal, "this is not the password")

    assert await world.identity.profiles.show(principal)


async def test_closing_takes_the_empty_accounts_along(world):
    user = await world.a_user()
    await _account(world, user.id)

    await world.identity.profiles.close(await _session(world), PASSWORD)

    assert await world.query("SELECT status FROM accounts WHERE owner_id = %s", user.id) == [
        ("closed",)
    ]


async def test_a_user_with_money_cannot_close_and_loses_nothing(world):
    user = await world.a_user()
    account_id = await _account(world, user.id)
    await world.query("UPDATE accounts SET balance_minor = 1 WHERE id = %s", account_id)
    principal = await _session(world)

    with pytest.raises(AccountsNotEmpty):
        await world.identity.profiles.close(principal, PASSWORD)

    assert (await world.identity.profiles.show(principal)).status == "active"


async def _account(world, owner_id):
    account_id = uuid4()
    await world.query(
        "INSERT INTO accounts (id, owner_id, kind, currency) VALUES (%s, %s, 'customer', 'USD')",
        account_id,
        owner_id,
    )
    return account_id


async def test_a_role_is_granted_once_and_to_known_people_only(world):
    await world.a_user()
    granted = [await world.identity.profiles.grant_operator(ADA) for _ in range(2)]

    assert [user.roles for user in granted] == [("operator",), ("operator",)]
    assert await world.query("SELECT roles FROM users") == [(["operator"],)]
    with pytest.raises(UserUnknown):
        await world.identity.profiles.grant_operator("nobody@example.com")


async def test_nothing_that_names_a_person_lies_readable_in_the_database(world):
    await world.a_user("canary.bird@example.com", name="Canary Yellowbird")
    await world.identity.passwords.forgot("canary.bird@example.com", source="s")
    tables = await world.query(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace AND has_table_privilege(oid, 'SELECT')"
    )
    assert len(tables) > 10

    for (table,) in tables:
        text = str(await world.query(f"SELECT * FROM {table}")).casefold()  # noqa: S608
        assert "canary" not in text, table
        assert "yellowbird" not in text, table
        assert PASSWORD not in text, table


async def test_a_sealed_value_that_was_moved_to_another_row_does_not_open(world):
    await world.a_user()
    await world.a_user("grace@example.com", name="Grace Hopper")
    await world.query(
        "UPDATE users u SET email_sealed = (SELECT email_sealed FROM users WHERE id <> u.id)"
        " WHERE u.id = (SELECT min(id::text)::uuid FROM users)"
    )

    answers = []
    for email in (ADA, "grace@example.com"):
        try:
            answers.append(await world.identity.profiles.grant_operator(email))
        except SealBroken as broken:
            answers.append(broken)

    assert sum(isinstance(answer, SealBroken) for answer in answers) == 1


async def test_a_mail_reads_as_a_person_would(world):
    await world.a_user()

    mail = (await world.identity.mailbox.read(ADA))[0]

    assert mail.to == ADA
    assert mail.subject == "Confirm your address"
    assert mail.link == f"https://pay.test/verify-email#token={mail.token}"
    assert mail.link in mail.text
    assert "Ada Lovelace" in mail.text


async def test_mails_come_newest_first_and_only_of_that_address(world):
    await world.a_user()
    await world.a_user("grace@example.com", name="Grace Hopper")
    await world.identity.passwords.forgot(ADA, source="s")

    kinds = [mail.kind for mail in await world.identity.mailbox.read("ADA@example.com")]

    assert kinds == ["reset-password", "verify-email"]


async def test_a_change_is_told_by_the_names_of_what_changed_and_nothing_else(world):
    await world.a_user()
    principal = await _session(world)
    change = world.identity.profiles.change

    await change(principal, language="vi")
    await change(principal, full_name="Ada King", language="vi")
    unchanged = await change(principal, full_name="Ada King", language="vi")

    told = await world.query("SELECT payload FROM outbox WHERE type LIKE '%%user.updated%%'")
    assert [payload["changed"] for (payload,) in told] == [["language"], ["full_name"]]
    assert "Ada" not in str(told)
    assert (unchanged.language, unchanged.full_name) == ("vi", "Ada King")


async def test_a_language_that_nobody_writes_is_refused(world):
    await world.a_user()

    with pytest.raises(FieldInvalid, match="language"):
        await world.identity.profiles.change(await _session(world), language="fr")
