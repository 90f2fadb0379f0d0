"""An account's slot is the same in every process, for ever."""

from collections import Counter
from uuid import UUID

from actors.domain.slots import SLOT_COUNT, slot_of
from actors.ids import new_id


def test_slots_never_change():
    assert [slot_of(UUID(int=number)) for number in (0, 1, 2**128 - 1)] == [14, 898, 807]


def test_new_accounts_spread_over_all_slots():
    counted = Counter(slot_of(new_id()) for _ in range(64 * SLOT_COUNT))

    assert counted.keys() == set(range(SLOT_COUNT))
    assert max(counted.values()) < 3 * 64
