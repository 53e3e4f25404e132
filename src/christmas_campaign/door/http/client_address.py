"""The address of the sender of a call, and how much of the address the log may show."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_UNKNOWN = ipaddress.IPv4Address("0.0.0.0")  # noqa: S104  (not an address to listen at)


def sender_address(peer: str | None, forwarded: Iterable[str], proxies: Sequence[Network]) -> Address:
    """Return the address of the sender of a call.

    ``peer`` is the address at the other end of the connection. If it is one of ``proxies``, the sender is the last address in
    ``forwarded`` (the values of ``X-Forwarded-For``) that is not a proxy. The sender can forge the addresses before that one.
    """
    address = _parse(peer or "") or _UNKNOWN
    hops = [part.strip() for value in forwarded for part in value.split(",")]
    for text in reversed(hops):
        if not any(address in network for network in proxies):
            break
        previous = _parse(text)
        if previous is None:
            break
        address = previous
    return address


def rate_limit_network(address: Address) -> str:
    """Return the network whose calls are counted together: an IPv4 address, or the /64 of one IPv6 subscriber."""
    return _network(address, 32, 64)


def loggable_network(address: Address) -> str:
    """Return the part of an address that the log may show: its network, /24 (IPv4) or /48 (IPv6)."""
    return _network(address, 24, 48)


def _network(address: Address, ipv4_prefix: int, ipv6_prefix: int) -> str:
    return str(ipaddress.ip_network((address, ipv4_prefix if address.version == 4 else ipv6_prefix), strict=False))


def _parse(text: str) -> Address | None:
    try:
        # A scope such as "%eth0" names an interface of this machine and is not part of the sender's address.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
