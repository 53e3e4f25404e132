"""Who sent a call: the other end of the connection, or whoever a proxy that is believed says."""

from __future__ import annotations

import ipaddress

import pytest

from christmas_campaign.door.http.client_address import loggable_network, rate_limit_network, sender_address

PROXIES = (ipaddress.ip_network("172.18.0.0/16"), ipaddress.ip_network("fd00::/8"))
NOBODY = "0.0.0.0"  # noqa: S104  (nothing listens there)


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        # Anybody can write this header.
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"),
        ("172.18.0.2", ["198.51.100.7"], "198.51.100.7"),
        ("172.18.0.2", ["10.0.0.1, 198.51.100.7"], "198.51.100.7"),
        ("172.18.0.2", ["10.0.0.1", "198.51.100.7, 172.18.0.3"], "198.51.100.7"),
        ("172.18.0.2", ["172.18.0.4,172.18.0.3"], "172.18.0.4"),
        ("172.18.0.2", ["198.51.100.7, junk"], "172.18.0.2"),
        ("172.18.0.2", [], "172.18.0.2"),
        ("172.18.0.2", ["2001:db8::1"], "2001:db8::1"),
        ("fd00::2", ["198.51.100.7"], "198.51.100.7"),
        ("::ffff:172.18.0.2", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("fe80::1%eth0", [], "fe80::1"),
        (None, ["198.51.100.7"], NOBODY),
        ("a socket", [], NOBODY),
    ],
)
def test_the_sender(peer: str | None, forwarded: list[str], found: str) -> None:
    assert str(sender_address(peer, forwarded, PROXIES)) == found


def test_no_proxy_is_believed_by_default() -> None:
    assert str(sender_address("127.0.0.1", ["198.51.100.7"], ())) == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "bucket", "in_the_log"),
    [
        ("203.0.113.9", "203.0.113.9/32", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
    ],
)
def test_what_counts_as_one_and_what_is_shown(text: str, bucket: str, in_the_log: str) -> None:
    address = ipaddress.ip_address(text)
    assert (rate_limit_network(address), loggable_network(address)) == (bucket, in_the_log)
