"""The rules about people that need no database."""

from __future__ import annotations

import pickle
from dataclasses import fields

import pytest

from actors.domain import errors_identity
from actors.domain.errors import GopherPayError
from actors.domain.errors_identity import FieldInvalid, ScopeBeyondRole
from actors.domain.principals import ALL_SCOPES, USER_SCOPES
from actors.domain.users import (
    canonical_email,
    checked_full_name,
    granted_scopes,
    masked_name,
    scopes_of,
)


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("ada+tag@example.co.uk", "ada+tag@example.co.uk"),
        ("a.b-c_d'e@sub.example.org", "a.b-c_d'e@sub.example.org"),
        ("STRASSE@example.com", "strasse@example.com"),
        ("e\u0301ve@example.com", "\u00e9ve@example.com"),
        ("ÉVE@müller.example", "éve@müller.example"),
        ("a" * 64 + "@" + "b" * 63 + ".example", "a" * 64 + "@" + "b" * 63 + ".example"),
    ],
)
def test_addresses_are_compared_in_one_form(address, canonical):
    assert canonical_email(address) == canonical
    assert canonical_email(canonical) == canonical


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@example..com",
        "ada@-example.com",
        "ada@example.com.",
        "ada @example.com",
        "ada@example.com\n",
        "ada@exa mple.com",
        "a\0da@example.com",
        "ada@b@example.com",
        "ada@example.com, eve@example.com",
        "<ada@example.com>",
        "a" * 65 + "@example.com",
        "a@" + "b" * 64 + ".com",
        "a@" + "b." * 126 + "com",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(FieldInvalid) as refused:
        canonical_email(address)

    assert refused.value.field == "email"


@pytest.mark.parametrize("name", ["A", "Ada Lovelace", "李小龙", "x" * 100, "O'Neill-Ünal, Jr."])
def test_a_readable_name_is_taken_as_it_is(name):
    assert checked_full_name(name) == name


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\tb", "a\x1b[31m", "a\x85b"])
def test_an_unreadable_name_is_refused(name):
    with pytest.raises(FieldInvalid):
        checked_full_name(name)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("Ada Lovelace", "A*** L."),
        ("Ada", "A***"),
        ("Ada King Lovelace", "A*** L."),
        ("李", "李***"),
    ],
)
def test_a_stranger_sees_a_masked_name(name, masked):
    assert masked_name(name) == masked


def test_a_role_reaches_its_scopes():
    assert scopes_of(()) == USER_SCOPES
    assert scopes_of(("operator",)) == ALL_SCOPES
    assert granted_scopes(["admin:read", "admin:read"], ("operator",)) == ("admin:read",)


def test_a_scope_beyond_the_role_is_named():
    with pytest.raises(ScopeBeyondRole) as refused:
        granted_scopes(["accounts:read", "treasury:write"], ())

    assert refused.value.scope == "treasury:write"


LEAVES = [
    leaf
    for leaf in vars(errors_identity).values()
    if isinstance(leaf, type) and leaf.__module__ == errors_identity.__name__
]


@pytest.mark.parametrize("leaf", LEAVES)
def test_every_error_survives_the_way_between_processes(leaf):
    error = leaf(*("x" for _ in fields(leaf)))

    returned = pickle.loads(pickle.dumps(error))  # noqa: S301  our own bytes

    assert isinstance(returned, GopherPayError)
    assert (type(returned), returned.facts()) == (leaf, error.facts())
