"""Takes the snapshot for a repair: reads the engine first, then the ledger, then Notion."""

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
from christmas_campaign.repair.actions import Action
from christmas_campaign.repair.decide import EMAIL_FLOWS, ENROLL, Enrolment, Lane, LiveExecution

NAMESPACE = "christmas"

#: The KV entry with the last enrolment that a repair looked at.
CURSOR_KEY = "repair.cursor"

#: How many addresses one query asks for: Notion's limit of conditions in a filter.
_ADDRESSES = 100


class Inspection(NamedTuple):
    """A snapshot, the total number of enrolments, the cursor for the next repair, and a sentence for each read that failed."""

    snapshot: decide.Snapshot
    enrolments_in_all: int
    cursor: str
    problems: tuple[str, ...]

    @property
    def actions(self) -> list[Action]:
        """The actions that the snapshot needs."""
        return decide.find_actions(self.snapshot)


def inspect(kestra: Kestra, notion: Notion, database: str, most: int, progress: Callable[[str], None]) -> Inspection:
    """Read the engine, then the ledger of at most ``most`` enrolments, then their pages in the Notion database.

    Raises ``KestraError``. A failure of Notion is a problem of the inspection; the engine is repaired without the pages.
    """
    now = datetime.now(UTC)
    progress("Reading executions ...")
    executions = [
        live_execution(execution) for execution in kestra.executions(namespace=NAMESPACE, states=kestra_models.LIVE)
    ]
    engine_lanes = lanes(kestra)
    entries = {entry.key: entry for entry in kestra.kv_entries(NAMESPACE)}
    ids = [key.removeprefix("enrolment.") for key in entries if key.startswith("enrolment.")]
    unfinished = [enrolment_id for enrolment_id in ids if f"enrolled.{enrolment_id}" not in entries]
    old_cursor = str(kestra.kv_get(CURSOR_KEY, NAMESPACE) or "")
    chosen, cursor = decide.choose_enrolments(ids, unfinished, old_cursor, most)
    enrolments: list[Enrolment] = []
    problems: list[str] = []
    for number, enrolment_id in enumerate(chosen, 1):
        progress(f"{number} of {len(chosen)} enrolments")
        try:
            one = enrolment(kestra, enrolment_id, entries[f"enrolment.{enrolment_id}"].updated, entries)
        except (KeyError, TypeError, ValueError, LookupError) as error:
            # The error's own text may quote the contact's data.
            problems.append(f"The KV entries of {enrolment_id} cannot be read ({type(error).__name__}).")
        else:
            enrolments += [one] if one else []
    pages: dict[str, Page] = {}
    try:
        addresses = decide.pages_to_check(enrolments)
        progress(f"{len(addresses)} pages in Notion")
        pages = _incomplete_pages(notion, database, addresses) if addresses else {}
    except NotionError as error:
        problems.append(f"The pages cannot be read: {error}")
    progress("")
    return Inspection(
        decide.Snapshot(now, executions, engine_lanes, enrolments, pages, PAUSED_KEY in entries),
        len(ids),
        cursor,
        tuple(problems),
    )


def live_execution(execution: Execution) -> LiveExecution:
    """Return the facts about an execution that the repair uses."""
    enrolment = execution.inputs.get("enrolment") if execution.flow in (ENROLL, *EMAIL_FLOWS) else None
    number = execution.inputs.get("number") if execution.flow in EMAIL_FLOWS else None
    return LiveExecution(
        execution.id,
        execution.flow,
        execution.state,
        None if enrolment is None else str(enrolment),
        None if number is None else int(number),
        execution.scheduled,
        execution.changed,
        [decide.Task(task.id, task.parent, task.state) for task in execution.tasks],
    )


def lanes(kestra: Kestra, flow_id: str | None = None) -> list[Lane]:
    """Return the flows with a concurrency limit that have had an execution: all, or the one with this id.

    Raises ``KestraError``.
    """
    running = {lane.flow: lane.running for lane in kestra.concurrency_limits() if lane.namespace == NAMESPACE}
    flow_lanes = []
    for flow in kestra.flows(NAMESPACE):
        if flow.queues is not None and flow.id in running and flow_id in (None, flow.id):
            last = kestra.last_ended(flow.id, NAMESPACE)
            flow_lanes.append(Lane(flow.id, flow.queues, running[flow.id], last.ended if last else None))
    return flow_lanes


def enrolment(
    kestra: Kestra, enrolment_id: str, recorded_at: datetime, keys: Collection[str] | None = None
) -> Enrolment | None:
    """Return an enrolment from its entries in the KV store, ``None`` if its record is gone.

    ``keys`` are the keys of the KV store, to skip requests for missing entries (``None``: unknown, so each is requested).
    Raises ``KestraError``, and ``KeyError``, ``TypeError`` or ``ValueError`` for an entry that cannot be read.
    """

    def entry(key: str) -> Any:
        return kestra.kv_get(key, NAMESPACE) if keys is None or key in keys else None

    record_entry = entry(f"enrolment.{enrolment_id}")
    if record_entry is None:
        return None
    record = Record.from_json(record_entry)
    ledger = {number: entry(f"mail.{enrolment_id}.{number}") for number in record.emails}
    page, enrolled = entry(f"page.{enrolment_id}"), entry(f"enrolled.{enrolment_id}") is not None
    return Enrolment(
        enrolment_id,
        record,
        recorded_at,
        enrolled,
        not enrolled and _has_failed(kestra, enrolment_id),
        None if page is None else str(page),
        {
            number: decide.EmailOutcome(str(mail["outcome"]), times.parse(mail["at"]))
            for number, mail in ledger.items()
            if mail is not None
        },
    )


def _has_failed(kestra: Kestra, enrolment_id: str) -> bool:
    """Return whether the last execution of `enroll` for the enrolment failed. The owner has an alert about it."""
    executions = kestra.executions(namespace=NAMESPACE, flow_id=ENROLL, labels={"enrolment": enrolment_id})
    return bool(executions) and max(executions, key=lambda execution: execution.created).state == "FAILED"


def _incomplete_pages(notion: Notion, database: str, address_by_page: Mapping[str, str]) -> dict[str, Page]:
    """Return those of the pages that are incomplete, by id; each query asks for a hundred addresses."""
    source = notion.data_source(database)
    addresses = sorted(set(address_by_page.values()))
    incomplete: dict[str, Page] = {}
    for start in range(0, len(addresses), _ADDRESSES):
        for page in notion.pages(source, _incomplete_query(addresses[start : start + _ADDRESSES])):
            page_id = str(page["id"])
            if page_id in address_by_page:
                incomplete[page_id] = page
    return incomplete


def _incomplete_query(addresses: Iterable[str]) -> JsonObject:
    pages = schema.SEQUENCE_PAGES
    conditions = [page_values.equals(pages, notion_names.PAGE_EMAIL, address) for address in addresses]
    return {
        "filter": {
            "and": [
                page_values.equals(pages, notion_names.PAGE_CAMPAIGN, facts.NAME),
                page_values.where(pages, notion_names.PAGE_COMPLETED, {"equals": False}),
                {"or": [*conditions]},
            ]
        }
    }
