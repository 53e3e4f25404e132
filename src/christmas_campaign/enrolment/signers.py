"""Who of several signers of a contract is the contact. DocuSign lets all sign at once, and its message does not say."""

from __future__ import annotations

from collections.abc import Iterable

from christmas_campaign.campaign import email_address, notion_names
from christmas_campaign.events.intake import Event
from christmas_campaign.notion import page_values
from christmas_campaign.notion.page_values import Page

#: The field with the addresses of the other signers.
OTHERS = "other_signers"

#: Notion takes 100 conditions in one list, and an address needs up to 12 of them (``notion.addresses``).
MOST_CANDIDATES = 8


def candidates(event: Event) -> list[str]:
    """Return the addresses of all who may be the contact, the event's first.

    Addresses that are not valid are left out, and those after ``MOST_CANDIDATES``.
    """
    others = event.fields.get(OTHERS)
    valid = [event.email]
    for text in others if isinstance(others, list) else ():
        try:
            valid.append(email_address.normalise(text))
        except ValueError:
            continue
    return list(dict.fromkeys(valid))[:MOST_CANDIDATES]


def are_several(event: Event) -> bool:
    """Return whether it is not known yet who is the contact."""
    return OTHERS in event.fields


def choose(event: Event, contacts: Iterable[Page]) -> Event | None:
    """Return the event of the signer who is a contact; of several, the first in the order of signing. ``None``: nobody is.

    ``contacts`` are the pages in BusinessX that Notion returned for the addresses of all candidates.
    """
    addresses = [page_values.plain(page).get(notion_names.CONTACT_EMAIL) for page in contacts]
    for candidate in candidates(event):
        if any(email_address.is_same(address, candidate) for address in addresses):
            # The first name is that of the first signer.
            left_out = {OTHERS} if candidate == event.email else {OTHERS, "first_name"}
            fields = {name: value for name, value in event.fields.items() if name not in left_out}
            return event._replace(fields={**fields, "email": candidate})
    return None
