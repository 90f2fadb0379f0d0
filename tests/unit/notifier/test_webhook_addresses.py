"""Which URLs a webhook may have, and which addresses are connected to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.notifier.webhooks.addresses import (
    AddressRefused,
    NameUnknown,
    SystemResolver,
    UrlRefused,
    is_public,
    pinned,
    target,
)

INSIDE = [
    # this machine, spelled in every way that some library understands
    "https://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://127.00.00.01/",
    "https://0/",
    "https://0.0.0.0/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://shop.localhost/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::1]/",
    "https://%31%32%37.0.0.1/",
    "https://127%2e0.0.1/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://127\u30020\u30020\u30021/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://l\u00f6calhost.example/",
    # networks of others' insides
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://0xa9fea9fe/",
    "https://2852039166/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fd00:ec2::254]/",
    "https://[fc00::1]/",
    "https://[fec0::1]/",
    "https://100.64.0.1/",
    "https://100.100.100.200/",
    "https://224.0.0.1/",
    "https://[ff02::1]/",
    "https://255.255.255.255/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://metadata.google.internal/",
    "https://postgres/",
    "https://printer.local/",
    "https://router.home.arpa/",
    # two readers, two hosts
    "https://example.com@127.0.0.1/",
    "https://user:password@example.com/",
    "https://127.0.0.1\\@example.com/",
    "https://example.com\\.evil.test/",
    "https://example.com#@127.0.0.1/",
    "https://example.com\t.evil.com/",
    "https://example.com\n/",
    " https://example.com/",
    "https://exa mple.com/",
    "https:///etc/passwd",
    "https:example.com",
    "https://",
    "https://./",
    "https://.example.com/",
    "https://example..com/",
    "https://-example.com/",
    "https://[::1",
    "https://[example.com]/",
    "https://[127.0.0.1]:443:80/",
    # other protocols and ports
    "http://example.com/",
    "HTTP://example.com/",
    "//example.com/",
    "example.com",
    "",
    "file:///etc/passwd",
    "gopher://example.com/",
    "ftp://example.com/",
    "javascript:alert(1)",
    "https://example.com:22/",
    "https://example.com:25/",
    "https://example.com:1023/",
    "https://example.com:0/x",
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://example.com:4 43/",
    f"https://example.com/{'a' * 2_048}",
    f"https://{'a.' * 127}com/",
]  # fmt: skip

OUTSIDE = [
    ("https://example.com", "example.com", 443, "/"),
    ("https://Shop.Example.com:8443/a/b?c=d&e=%20", "shop.example.com", 8443, "/a/b?c=d&e=%20"),
    ("https://example.com:443/x", "example.com", 443, "/x"),
    ("https://example.com?x=1", "example.com", 443, "/?x=1"),
    ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/"),
    ("https://93.184.215.14/", "93.184.215.14", 443, "/"),
    ("https://[2606:2800:21f::1]:9000/", "2606:2800:21f::1", 9000, "/"),
]


class Names:
    """A resolver whose answers are given, one a question."""

    def __init__(self, *answers):
        self._answers = list(answers)

    async def addresses(self, _host, _port):
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.mark.parametrize("url", INSIDE)
def test_a_url_that_leads_inside_is_refused_however_it_is_spelled(url):
    with pytest.raises(UrlRefused):
        target(url, anywhere=False)


@pytest.mark.parametrize(("url", "host", "port", "path"), OUTSIDE)
def test_a_public_url_is_taken(url, host, port, path):
    where = target(url, anywhere=False)

    assert (where.scheme, where.host, where.port, where.path) == ("https", host, port, path)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:9000/hook", "http://127.0.0.1:9000/", "https://10.0.0.1/", "http://shop/",
     "http://[::1]:9000/"],
)  # fmt: skip
def test_development_may_send_inside_and_without_tls(url):
    assert target(url, anywhere=True).path in {"/hook", "/"}


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "http://user@localhost/", "http://2130706433/", "http://localhost:22/",
     "http://localhost/#x", "http://localhost./"],
)  # fmt: skip
def test_development_has_one_spelling_too(url):
    with pytest.raises(UrlRefused):
        target(url, anywhere=True)


def test_the_host_header_has_the_port_only_if_it_is_not_the_usual_one():
    assert target("https://example.com:443/", anywhere=False).authority == "example.com"
    assert target("https://example.com:8443/", anywhere=False).authority == "example.com:8443"
    assert target("https://[2606::1]:8443/", anywhere=False).authority == "[2606::1]:8443"


@given(st.ip_addresses(v=4))
def test_what_python_calls_private_is_never_public(address):
    if not address.is_global or address.is_multicast:
        assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_no_ipv6_spelling_of_an_ipv4_address_is_public(address):
    number = int(address)
    for prefix in (0, 0xFFFF << 32, 0x64FF9B << 96, (0x64FF9B0001 << 80)):
        assert not is_public(ip_address((prefix | number).to_bytes(16, "big")))
    assert not is_public(ip_address((0x2002 << 112) | (number << 80)))


async def test_one_private_address_among_public_ones_spoils_the_name():
    where = target("https://example.com/", anywhere=False)

    with pytest.raises(AddressRefused):
        await pinned(where, Names(["93.184.215.14", "10.0.0.1"]), anywhere=False)


async def test_a_name_that_turns_inside_later_is_refused_then():
    where, names = target("https://example.com/", anywhere=False), Names(["93.184.215.14"], ["::1"])

    first = await pinned(where, names, anywhere=False)
    with pytest.raises(AddressRefused):
        await pinned(where, names, anywhere=False)

    assert where.at(first[0]) == "https://93.184.215.14:443/"


@pytest.mark.parametrize("text", ["::ffff:10.0.0.1", "fe80::1%lo", "64:ff9b::a00:1", "0.0.0.1"])
async def test_no_answer_of_a_resolver_is_trusted(text):
    where = target("https://example.com/", anywhere=False)

    with pytest.raises(AddressRefused):
        await pinned(where, Names([text]), anywhere=False)


async def test_a_name_without_address_is_unknown():
    where = target("https://example.com/", anywhere=False)

    with pytest.raises(NameUnknown):
        await pinned(where, Names([]), anywhere=False)


async def test_the_system_knows_this_machine_and_not_what_is_no_name():
    resolver = SystemResolver(threads=1)
    try:
        assert set(await resolver.addresses("localhost", 443)) & {"127.0.0.1", "::1"}
        with pytest.raises(NameUnknown):
            await resolver.addresses("nothing.invalid", 443)
    finally:
        resolver.close()
