"""Which log-ins come from the same place."""

from __future__ import annotations

import pytest

from actors.identity.sources import NO_ADDRESS, network_of


@pytest.mark.parametrize(
    ("source", "network"),
    [
        ("192.0.2.1", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("192.0.3.1", "192.0.3.0/24"),
        ("::ffff:192.0.2.1", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:db8:1:ffff::1", "2001:db8:1::/48"),
        ("2001:db8:2::1", "2001:db8:2::/48"),
        ("::1", "::/48"),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_an_address_stands_for_its_network(source, network):
    assert network_of(source) == network


@pytest.mark.parametrize("source", ["", "unknown", "192.0.2.1:443", "192.0.2.0/24", "\0", "é\xff"])
def test_all_that_is_no_address_is_one_place(source):
    assert network_of(source) == NO_ADDRESS
