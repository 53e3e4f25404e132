"""Looking at everything that repair has to know: the engine first, then the ledger, then Notion."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from christmas_campaign.campaign import facts, notion_names, times
from christmas_campaign.clients import kestra_models
from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.clients.notion import Notion, NotionError
from christmas_campaign.enrolment.record import Record
from christmas_campaign.json_types import JsonObject
from christmas_campaign.notion import page_values, schema
from christmas_campaign.notion.page_values import Page
from christmas_campaign.operations.pause import PAUSED_KEY
from christmas_campaign.repair import decide
from christmas_campaign.repair.actions import Mend
from christmas_campaign.repair.decide import ENROLL, OF_AN_EMAIL, Enrolment, Lane, Run

NAMESPACE = "christmas"

#: The KV entry with the last enrolment that was looked at.
CURSOR_KEY = "repair.cursor"

#: How many addresses one query asks for: the most conditions that Notion takes in a filter.
_ADDRESSES = 100


class Look(NamedTuple):
    """What was seen: the snapshot, how many enrolments there are in all, the cursor for the next time, and what could not be
    looked at, a sentence for each."""

    seen: decide.Snapshot
    of: int
    cursor: str
    problems: tuple[str, ...]

    @property
    def mends(self) -> list[Mend]:
        """What has to be mended."""
        return decide.repair(self.seen)


def look(kestra: Kestra, notion: Notion, database: str, most: int, progress: Callable[[str], None]) -> Look:
    """Look at the engine, then at the ledger of at most ``most`` enrolments, then at their pages in the Notion database.

    Raises ``KestraError``; what Notion does not say is a problem of the look, and the engine is repaired without it.
    """
    now = datetime.now(UTC)
    progress("Looking at what runs and waits ...")
    runs = [run(each) for each in kestra.executions(namespace=NAMESPACE, states=kestra_models.LIVE)]
    its_lanes = lanes(kestra)
    entries = {entry.key: entry for entry in kestra.kv_entries(NAMESPACE)}
    ids = [key.removeprefix("enrolment.") for key in entries if key.startswith("enrolment.")]
    unfinished = [each for each in ids if f"enrolled.{each}" not in entries]
    chosen, cursor = decide.chosen(ids, unfinished, str(kestra.kv_get(CURSOR_KEY, NAMESPACE) or ""), most)
    enrolments: list[Enrolment] = []
    problems: list[str] = []
    for number, enrolment_id in enumerate(chosen, 1):
        progress(f"{number} of {len(chosen)} enrolments")
        try:
            found = enrolment(kestra, enrolment_id, entries[f"enrolment.{enrolment_id}"].updated, entries)
        except (KeyError, TypeError, ValueError, LookupError) as error:
            # The error's words may quote the contact's.
            problems.append(f"What is kept of {enrolment_id} cannot be read ({type(error).__name__}).")
        else:
            enrolments += [found] if found else []
    pages: dict[str, Page] = {}
    try:
        wanted = decide.wanted_pages(enrolments)
        progress(f"{len(wanted)} pages in Notion")
        pages = _pages(notion, database, wanted) if wanted else {}
    except NotionError as error:
        problems.append(f"The pages could not be looked at: {error}")
    progress("")
    return Look(
        decide.Snapshot(now, runs, its_lanes, enrolments, pages, PAUSED_KEY in entries),
        len(ids),
        cursor,
        tuple(problems),
    )


def run(found: Execution) -> Run:
    """A run as the decision takes it."""
    enrolment = found.inputs.get("enrolment") if found.flow in (ENROLL, *OF_AN_EMAIL) else None
    number = found.inputs.get("number") if found.flow in OF_AN_EMAIL else None
    return Run(
        found.id,
        found.flow,
        found.state,
        None if enrolment is None else str(enrolment),
        None if number is None else int(number),
        found.scheduled,
        found.changed,
        [decide.Task(each.id, each.parent, each.state) for each in found.tasks],
    )


def lanes(kestra: Kestra, flow_id: str | None = None) -> list[Lane]:
    """The flows whose runs queue, as far as any has run: all, or the one with this id. Raises ``KestraError``."""
    counted = {lane.flow: lane.running for lane in kestra.concurrency_limits() if lane.namespace == NAMESPACE}
    found = []
    for flow in kestra.flows(NAMESPACE):
        if flow.queues is not None and flow.id in counted and flow_id in (None, flow.id):
            last = kestra.last_ended(flow.id, NAMESPACE)
            found.append(Lane(flow.id, flow.queues, counted[flow.id], last.ended if last else None))
    return found


def enrolment(
    kestra: Kestra, enrolment_id: str, recorded_at: datetime, keys: Collection[str] | None = None
) -> Enrolment | None:
    """What is kept of an enrolment, ``None`` if it is kept no more.

    ``keys`` are all keys of the KV store, so that none is asked for that is not there (``None``: each is asked for). Raises
    ``KestraError``, and whatever comes of an entry that cannot be read.
    """

    def kept(key: str) -> Any:
        return kestra.kv_get(key, NAMESPACE) if keys is None or key in keys else None

    written = kept(f"enrolment.{enrolment_id}")
    if written is None:
        return None
    record = Record.from_json(written)
    said = {number: kept(f"mail.{enrolment_id}.{number}") for number in record.emails}
    page, enrolled = kept(f"page.{enrolment_id}"), kept(f"enrolled.{enrolment_id}") is not None
    return Enrolment(
        enrolment_id,
        record,
        recorded_at,
        enrolled,
        not enrolled and _has_failed(kestra, enrolment_id),
        None if page is None else str(page),
        {
            number: decide.Mail(str(mail["outcome"]), times.parse(mail["at"]))
            for number, mail in said.items()
            if mail is not None
        },
    )


def _has_failed(kestra: Kestra, enrolment_id: str) -> bool:
    """Whether the last run of `enroll` for it has failed: its person is told, and it is hers."""
    found = kestra.executions(namespace=NAMESPACE, flow_id=ENROLL, labels={"enrolment": enrolment_id})
    return bool(found) and max(found, key=lambda each: each.created).state == "FAILED"


def _pages(notion: Notion, database: str, wanted: Mapping[str, str]) -> dict[str, Page]:
    """The incomplete ones among the pages ``wanted`` (addresses by id), found by a query for a hundred addresses at a time."""
    source = notion.data_source(database)
    addresses = sorted(set(wanted.values()))
    found: dict[str, Page] = {}
    for start in range(0, len(addresses), _ADDRESSES):
        for page in notion.pages(source, _incomplete(addresses[start : start + _ADDRESSES])):
            page_id = str(page["id"])
            if page_id in wanted:
                found[page_id] = page
    return found


def _incomplete(addresses: Iterable[str]) -> JsonObject:
    pages = schema.SEQUENCE_PAGES
    either = [page_values.equals(pages, notion_names.PAGE_EMAIL, address) for address in addresses]
    return {
        "filter": {
            "and": [
                page_values.equals(pages, notion_names.PAGE_CAMPAIGN, facts.NAME),
                page_values.where(pages, notion_names.PAGE_COMPLETED, {"equals": False}),
                {"or": [*either]},
            ]
        }
    }
