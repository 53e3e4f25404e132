"""Releases pages in Email Sequence that the old system left, so that their events can be posted again.

The old system made a page for each missed call, call and payment, and then failed to send the e-mails. Such a page makes this
system skip the event as a duplicate. A released page has no ``Template Type``, which means that no system has enrolled it. When
the same event is posted again, the enrolment adopts the page and sets the type.
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

#: The sequences whose pages can be released: each event has its own page, and the old system made some.
RELEASED = tuple(sequence for sequence in SEQUENCES if sequence.adopts and sequence.event_field is not None)


class OldPage(NamedTuple):
    """A contact's page in one of these sequences.

    ``page`` is its id, ``url`` its web address, ``event`` the page's value for its event. ``refusal`` is why it cannot be
    released (``None``: it can).
    """

    page: str
    url: str
    sequence: str
    event: str
    refusal: str | None


def find_pages(environment: Environment, notion: Notion, kestra: Kestra, email: str) -> Iterator[OldPage]:
    """Yield the pages of an address (in lower case) in the ``RELEASED`` sequences, the oldest first.

    Raises ``SettingError``, ``NotionError`` and ``KestraError``.
    """
    keys = frozenset(kestra.kv_list(NAMESPACE))
    source = notion.data_source(environment.database(schema.SEQUENCE_PAGES))
    query = {
        "filter": page_values.equals(schema.SEQUENCE_PAGES, notion_names.PAGE_EMAIL, email),
        "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
    }
    for page in notion.pages(source, query):
        properties = page_values.plain(page)
        template_type = properties.get(notion_names.PAGE_TEMPLATE_TYPE)
        sequence = next((sequence for sequence in RELEASED if sequence.template_type == template_type), None)
        if sequence is None or page_values.archived(page):
            continue
        event = properties.get(event_property(sequence))
        page_id = str(page["id"])
        enrolled = _is_enrolled(kestra, keys, sequence, email, event, page_id)
        why_not = refusal(properties, event, enrolled)
        yield OldPage(page_id, str(page["url"]), sequence.name, str(event or "no event"), why_not)


def event_property(sequence: Sequence) -> str:
    """Return the property of a page that tells the sequence's events apart."""
    field = event_field(sequence)
    assert field is not None and field.property is not None  # noqa: S101, PT018  (see RELEASED)
    return field.property


def _is_enrolled(
    kestra: Kestra, keys: Iterable[str], sequence: Sequence, email: str, event: PropertyValue, page: str
) -> bool:
    """Return whether Kestra's KV store has an enrolment on this page, by the id of the page or by its event."""
    try:
        enrolment_id = opaque_ids.enrolment_id(sequence, email, {str(sequence.event_field): event})
    except ValueError:
        enrolment_id = None
    for key in keys:
        kind, _, enrolment = key.partition(".")
        if kind in ("enrolment", "enrolled") and enrolment == enrolment_id:
            return True
        if kind == "page" and enrolment.startswith(f"{sequence.name}-") and kestra.kv_get(key, NAMESPACE) == page:
            return True
    return False


def refusal(properties: Mapping[str, PropertyValue], event: PropertyValue, enrolled: bool) -> str | None:
    """Return why a page must not be released, ``None`` if it may be.

    ``properties`` are its plain values, ``event`` is its value for its event, ``enrolled`` whether this system has enrolled the
    contact on it.
    """
    if enrolled:
        return "this system has enrolled the contact on it"
    sent = [number for number in notion_names.PAGE_EMAILS if properties.get(notion_names.page_sent(number)) is not None]
    if sent:
        return f"it says that e-mails were sent: {', '.join(f'E{number}' for number in sent)}"
    if properties.get(notion_names.PAGE_COMPLETED) is True:
        return f"it says {notion_names.PAGE_COMPLETED}"
    if properties.get(notion_names.PAGE_STOPPED) is not None:
        return f"it has a {notion_names.PAGE_STOPPED}, which only this system writes"
    return None if event is not None else "it does not say which event it belongs to, so no event would find it"


def release(notion: Notion, page: OldPage) -> None:
    """Release a page. Raises ``NotionError``."""
    notion.update_page(page.page, schema.SEQUENCE_PAGES, {notion_names.PAGE_TEMPLATE_TYPE: None})
