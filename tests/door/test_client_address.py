"""The address of the sender: the other end of the connection, or the address that a trusted proxy reports."""

from __future__ import annotations

import ipaddress

import pytest

from christmas_campaign.door.http.client_address import loggable_network, rate_limit_network, sender_address

PROXIES = (ipaddress.ip_network("172.18.0.0/16"), ipaddress.ip_network("fd00::/8"))
UNKNOWN = "0.0.0.0"  # noqa: S104  (not an address to listen at)


@pytest.mark.parametrize(
    ("peer", "forwarded", "sender"),
    [
        # Without a trusted proxy the header counts for nothing: anybody can send it.
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"),
        ("172.18.0.2", ["10.0.0.1, 198.51.100.7"], "198.51.100.7"),
        ("172.18.0.2", ["10.0.0.1", "198.51.100.7, 172.18.0.3"], "198.51.100.7"),
        ("172.18.0.2", ["172.18.0.4,172.18.0.3"], "172.18.0.4"),
        ("172.18.0.2", ["198.51.100.7, junk"], "172.18.0.2"),
        ("172.18.0.2", [], "172.18.0.2"),
        ("172.18.0.2", ["2001:db8::1"], "2001:db8::1"),
        ("fd00::2", ["198.51.100.7"], "198.51.100.7"),
        ("::ffff:172.18.0.2", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("fe80::1%eth0", [], "fe80::1"),
        (None, ["198.51.100.7"], UNKNOWN),
        ("a socket", [], UNKNOWN),
    ],
)
def test_sender_is_the_last_address_before_the_trusted_proxies(
    peer: str | None, forwarded: list[str], sender: str
) -> None:
    assert str(sender_address(peer, forwarded, PROXIES)) == sender


@pytest.mark.parametrize(
    ("text", "counted_together", "loggable"),
    [
        ("203.0.113.9", "203.0.113.9/32", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
    ],
)
def test_networks_of_an_address(text: str, counted_together: str, loggable: str) -> None:
    address = ipaddress.ip_address(text)
    assert (rate_limit_network(address), loggable_network(address)) == (counted_together, loggable)
