"""Which ways a kind of notification goes."""

from __future__ import annotations

import pytest

from actors.domain.errors_notifications import PreferenceLocked
from actors.notifier.kinds import DEFAULTS, KINDS, LOCKED, changed, channels, effective
from actors.ports.notifications import Channels

SILENT = Channels(in_app=False, email=False, push=False)


def test_everything_is_in_the_inbox_if_nobody_says_otherwise():
    assert all(ways.in_app for ways in DEFAULTS.values())


def test_what_concerns_safety_goes_every_way():
    assert {DEFAULTS[kind] for kind in LOCKED} == {Channels(in_app=True, email=True, push=True)}


def test_a_wish_changes_what_it_names_and_nothing_else():
    chosen = changed({}, {"transfer.sent": {"email": True}})

    assert chosen == {"transfer.sent": Channels(in_app=True, email=True, push=False)}
    assert effective(chosen) == {**DEFAULTS, **chosen}


def test_a_later_wish_keeps_an_earlier_one():
    first = changed({}, {"transfer.sent": {"email": True}})

    second = changed(first, {"transfer.sent": {"in_app": False}})

    assert second["transfer.sent"] == Channels(in_app=False, email=True, push=False)


@pytest.mark.parametrize("kind", sorted(LOCKED))
@pytest.mark.parametrize("way", ["in_app", "email", "push"])
def test_what_concerns_safety_cannot_be_switched_off(kind, way):
    with pytest.raises(PreferenceLocked) as refused:
        changed({}, {"transfer.sent": {"email": True}, kind: {way: False}})

    assert refused.value.facts() == {"kind": kind}


@pytest.mark.parametrize("kind", sorted(LOCKED))
def test_switching_on_what_cannot_be_switched_off_is_fine(kind):
    assert changed({}, {kind: {"email": True}}) == {kind: DEFAULTS[kind]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_silences_safety_counts_for_nothing(kind):
    expected = DEFAULTS[kind] if kind in LOCKED else SILENT

    assert channels(kind, {kind: SILENT}) == expected
