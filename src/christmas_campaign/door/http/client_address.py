"""Which address a call comes from, and what of that address the log may show."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NOBODY = ipaddress.IPv4Address("0.0.0.0")  # noqa: S104  (nothing listens there)


def sender(peer: str | None, forwarded: Iterable[str], proxies: Sequence[Network]) -> Address:
    """Return the address of whoever sent a call.

    ``peer`` is the address at the other end of the connection. Where it is one of ``proxies``, ``forwarded`` (the values of
    ``X-Forwarded-For``) says who was before it: the last address there that is no proxy itself, for the ones before that are
    the sender's own words.
    """
    found = _address(peer or "") or _NOBODY
    chain = [part.strip() for value in forwarded for part in value.split(",")]
    for text in reversed(chain):
        if not _among(found, proxies):
            break
        said = _address(text)
        if said is None:
            break
        found = said
    return found


def counted(address: Address) -> str:
    """Return what counts as one sender: an IPv4 address, or the /64 that one IPv6 line has all to itself."""
    return _network(address, 32, 64)


def shown(address: Address) -> str:
    """Return as much of an address as the log may show: its network, /24 or /48."""
    return _network(address, 24, 48)


def _network(address: Address, four: int, six: int) -> str:
    return str(ipaddress.ip_network((address, four if address.version == 4 else six), strict=False))


def _address(text: str) -> Address | None:
    try:
        # A scope ("%eth0") belongs to this machine and is no part of the sender's address.
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _among(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
