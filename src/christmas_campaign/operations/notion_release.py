"""Releasing pages in Email Sequence that the old system left, so that their events can be posted again.

The old system made a page for each missed call, call and payment, and then failed to send the e-mails. Here such a page says
that its event is known, and the event is skipped as a duplicate. Released, a page has no ``Template Type``, which says that no
system has enrolled it: the same event, posted again, adopts it and sets the type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from christmas_campaign.campaign import notion_names
from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.enrolment.lookups import event_field
from christmas_campaign.events import opaque_ids
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import PropertyValue
from christmas_campaign.sequences.model import Sequence
from christmas_campaign.sequences.registry import SEQUENCES

NAMESPACE = "christmas"

#: The sequences whose pages can be released: each event has a page of its own, and the old system made some.
RELEASED = tuple(each for each in SEQUENCES if each.adopts and each.event_field is not None)


class Found(NamedTuple):
    """A contact's page of one of these sequences: its id and address, the sequence's name, what the page says of its event,
    and why it cannot be released (``None``: it can)."""

    page: str
    url: str
    sequence: str
    event: str
    refusal: str | None


def look(environment: Environment, notion: Notion, kestra: Kestra, email: str) -> Iterator[Found]:
    """Return the pages of an address (in lower case) in these sequences, the oldest first.

    Raises ``SettingError``, ``NotionError`` and ``KestraError``.
    """
    keys = frozenset(kestra.kv_list(NAMESPACE))
    source = notion.data_source(environment.database(schema.SEQUENCE_PAGES))
    query = {
        "filter": page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email),
        "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
    }
    for page in notion.pages(source, query):
        said = page_values.plain(page)
        found = next(
            (each for each in RELEASED if each.template_type == said.get(notion_names.PAGE_TEMPLATE_TYPE)), None
        )
        if found is None or page_values.archived(page):
            continue
        event = said.get(event_property(found))
        page_id = str(page["id"])
        known = _is_enrolled(kestra, keys, found, email, event, page_id)
        yield Found(page_id, str(page["url"]), found.name, str(event or "no event"), refusal(said, event, known))


def event_property(sequence: Sequence) -> str:
    """Return the property of a page that tells the sequence's events apart."""
    field = event_field(sequence)
    assert field is not None and field.property is not None  # noqa: S101, PT018  (see RELEASED)
    return field.property


def _is_enrolled(
    kestra: Kestra, keys: Iterable[str], sequence: Sequence, email: str, event: PropertyValue, page: str
) -> bool:
    """Return whether Kestra's KV store knows an enrolment on this page: by the id of the page, or by its event."""
    try:
        own = opaque_ids.enrolment_id(sequence, email, {str(sequence.event_field): event})
    except ValueError:
        own = None
    for key in keys:
        kind, _, enrolment = key.partition(".")
        if kind in ("enrolment", "enrolled") and enrolment == own:
            return True
        if kind == "page" and enrolment.startswith(f"{sequence.name}-") and kestra.kv_get(key, NAMESPACE) == page:
            return True
    return False


def refusal(said: Mapping[str, PropertyValue], event: PropertyValue, known: bool) -> str | None:
    """Decide whether a page may be released: return why not, or ``None``.

    ``said`` are its plain values, ``event`` is what it says of its event, ``known`` whether this system has enrolled it.
    """
    if known:
        return "this system has enrolled the contact on it"
    sent = [number for number in notion_names.PAGE_EMAILS if said.get(notion_names.page_sent(number)) is not None]
    if sent:
        return f"it says that e-mails were sent: {', '.join(f'E{number}' for number in sent)}"
    if said.get(notion_names.PAGE_COMPLETED) is True:
        return f"it says {notion_names.PAGE_COMPLETED}"
    if said.get(notion_names.PAGE_STOPPED) is not None:
        return f"it has a {notion_names.PAGE_STOPPED}, which only this system writes"
    return None if event is not None else "it does not say which event it belongs to, so no event would find it"


def release(notion: Notion, found: Found) -> None:
    """Release a page. Raises ``NotionError``."""
    notion.update_page(found.page, schema.SEQUENCE_PAGES, {notion_names.PAGE_TEMPLATE_TYPE: None})
