"""The settings about what senders report: which booked calls count, and whose signatures do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from christmas_campaign.campaign import email_address
from christmas_campaign.campaign.settings import InvalidSetting


class SenderSettings(NamedTuple):
    """The settings about senders.

    - ``sales_call_types``: the event types of the sales call, each by URI, id, slug or name, in lower case. Empty: all count.
    - ``own_domains``: the domains whose addresses are the team's own, in lower case.
    """

    sales_call_types: frozenset[str] = frozenset()
    own_domains: frozenset[str] = frozenset()

    def counts(self, names: Iterable[str]) -> bool:
        """Return whether a call counts whose event type has these names. One without a name counts: nobody knows its type."""
        given = {name.strip().lower() for name in names}
        return not self.sales_call_types or not given or not given.isdisjoint(self.sales_call_types)

    def is_own(self, email: str) -> bool:
        """Return whether an address is the team's own."""
        try:
            return email_address.normalise(email).rpartition("@")[2] in self.own_domains
        except ValueError:
            return False


#: The settings of an installation that sets none of them.
NO_SETTINGS = SenderSettings()


def read(raw: Mapping[str, Any]) -> SenderSettings:
    """Return the settings from the values that a flow passes: ``sales_call_types`` and ``own_domains``.

    Both are lists, separated by commas. Raises ``InvalidSetting``.
    """
    domains = set()
    for domain in _parts(raw.get("own_domains")):
        try:
            domains.add(email_address.normalise(f"name@{domain.removeprefix('@')}").rpartition("@")[2])
        except ValueError:
            raise InvalidSetting(
                "ENV_OWN_DOMAINS must be domains such as example.com, separated by commas: correct the one that is none"
            ) from None
    return SenderSettings(frozenset(name.lower() for name in _parts(raw.get("sales_call_types"))), frozenset(domains))


def _parts(value: object) -> list[str]:
    return [part.strip() for part in str(value or "").split(",") if part.strip()]
