"""Where log-ins come from: enough to know a place again, and nothing that tells where it is."""

from __future__ import annotations

import hmac
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

    from actors.security.keys import KeyRing

PREFIX_BITS: Final = {4: 24, 6: 48}
"""What a household or an office keeps while its addresses change: a /48 is a site (RFC 6177)."""

NO_ADDRESS: Final = ""
"""All that is no address counts as one place: it must not seem new with every log-in."""

_SOURCE: Final = b"source of a log-in\0"
"""Sets these hashes apart from those of addresses of mail, which the same key makes."""


def network_of(source: str) -> str:
    """Return the network of an IP address, such as ``192.0.2.0/24``; of all else NO_ADDRESS."""
    try:
        address = _plain(ip_address(source))
    except ValueError:
        return NO_ADDRESS
    return str(ip_network((address.packed, PREFIX_BITS[address.version]), strict=False))


def source_hash(keys: KeyRing, user_id: UUID, source: str) -> bytes:
    """Return the keyed hash of a user's *source*: 32 bytes that no two users have in common."""
    told = _SOURCE + user_id.bytes + network_of(source).encode()
    return hmac.digest(keys.email_lookup.key, told, "sha256")


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that a socket of IPv6 shows as ``::ffff:192.0.2.1``, or *address*."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
