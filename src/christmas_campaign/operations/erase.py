"""Forgetting a contact: what is kept of her into a file, then away with it, in an order that sends nothing and keeps her
suppressed wherever it is broken off."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.clients import kestra_models
from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.clients.notion import NotionError
from christmas_campaign.door.inbox import erasure
from christmas_campaign.erasure import ownership
from christmas_campaign.erasure.ownership import Person
from christmas_campaign.errors import CommandError
from christmas_campaign.json_types import Json, JsonObject
from christmas_campaign.notion import page_values
from christmas_campaign.notion.schema import Database
from christmas_campaign.operations import stop
from christmas_campaign.operations.erase_search import NAMESPACE, Found, Systems, look
from christmas_campaign.stops import rules

#: How often it looks again, and erases what has come in between.
ROUNDS = 5

#: How long, in seconds, what runs may take to end.
PATIENCE = 120.0

_REPAIR = "repair"


class ForgetError(CommandError):
    """Not all of it is done; the message says what is left, and that the command may be run again."""


def forget_her(systems: Systems, found: Found, typed: str, keep: Collection[Database], export: Path) -> Iterator[Path]:
    """Export what was found and erase it, but the pages of the databases ``keep``; yield each file that was written.

    What comes in between is written to a file of its own and erased as well. Raises ``ForgetError``, and as ``look``.
    """
    _look_for_the_flow(systems.kestra)
    write(export, exported(systems.kestra, found))
    yield export
    known = set(found.to_erase(()))
    suppress(systems.kestra, found.person.contact)
    for number in range(2, ROUNDS + 2):
        end_what_lives(systems, found)
        _erase(systems, found, keep, first=number == 2)
        # What is known of her enrolments is kept for the next look: their records are gone by then.
        found = look(systems, found.person, typed)
        left = found.to_erase(keep)
        if not left:
            return
        if any(
            not each.startswith(("run stop ", f"run {ownership.FLOW} ")) for each in set(found.to_erase(())) - known
        ):
            more = export.with_name(f"{export.stem}-{number}{export.suffix}")
            write(more, exported(systems.kestra, found))
            yield more
            known |= set(found.to_erase(()))
    raise ForgetError(f"not all of it is gone, for it comes anew: {', '.join(left)}; run it again")


def _look_for_the_flow(kestra: Kestra) -> None:
    """Before anything is done: half of it would have to wait."""
    try:
        kestra.flow(NAMESPACE, ownership.FLOW)
    except KestraError as error:
        if error.status != 404:
            raise
        raise ForgetError(f"Kestra has no flow {ownership.FLOW}: christmas flows deploy brings it") from None


def suppress(kestra: Kestra, contact: str) -> None:
    """Stop a contact for good, unless she is; once it returns, nothing is sent to her any more. Raises as ``stopping.stop``."""
    if any(rules.holds_for_good(each) for each in stop.read_stops(kestra, contact).stops):
        stop.wait_until_sent(kestra, contact)
    else:
        stop.stop(kestra, contact, Reason.UNSUBSCRIBED)


def end_what_lives(systems: Systems, found: Found) -> None:
    """End what waits for the contact, and wait for what ends by itself: for the repair too, which may have seen her and bring
    her back. Raises ``KestraError`` and ``ForgetError``."""
    kestra, person = systems.kestra, found.person
    waiting = {str(run["id"]): run for run in found.live}
    killed: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while True:
        for wanted in ({"labels": {"contact": person.contact}}, {"flow_id": _REPAIR}):
            lives = kestra.executions_json(namespace=NAMESPACE, states=kestra_models.LIVE, **wanted)
            waiting |= {str(run["id"]): run for run in lives}
        for run_id, run in waiting.items():
            if run_id not in killed and ownership.may_be_killed(run, person):
                waits = ownership.only_waits(run, datetime.now(UTC))
                _unless_done(kestra.delete_execution if waits else kestra.kill, run_id)
                killed.add(run_id)
        waiting = {run_id: run for run_id, run in waiting.items() if _lives(kestra, run_id)}
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise ForgetError(f"these runs have not ended: {', '.join(sorted(waiting))}; look there, then run it again")
        systems.progress(f"Waiting for the end of {len(waiting)} runs")
        time.sleep(0.2)


def _erase(systems: Systems, found: Found, keep: Collection[Database], *, first: bool) -> None:
    for number, run_id in enumerate(found.runs, 1):
        systems.progress(f"{number} of {len(found.runs)} runs deleted")
        _unless_done(systems.kestra.delete_execution, run_id)
    # The first time whatever the list says: an entry that has expired is in no list, and in the storage still.
    if found.entries or first:
        systems.progress(f"Erasing {len(found.entries)} entries")
        _erase_entries(systems.kestra, found.person)
    if found.calls:
        erasure.erase(systems.inbox, [each.id for each in found.calls])
    pages = [each for each, (database, _) in found.pages.items() if database not in keep]
    for number, page in enumerate(pages, 1):
        systems.progress(f"{number} of {len(pages)} pages put into the trash")
        try:
            systems.notion.archive_page(page)
        except NotionError as error:
            if error.status != 404:
                raise
    # What this very command has run is hers too.
    for run in systems.kestra.executions(namespace=NAMESPACE, labels={"contact": found.person.contact}):
        if not run.live and run.flow == stop.FLOW:
            _unless_done(systems.kestra.delete_execution, run.id)
    systems.progress("")


def _erase_entries(kestra: Kestra, person: Person) -> None:
    run = kestra.run(ownership.FLOW, {"patterns": ownership.patterns(person)}, namespace=NAMESPACE)
    deadline = time.monotonic() + PATIENCE
    while (state := kestra.execution(run).state) not in kestra_models.TERMINAL:
        if time.monotonic() > deadline:
            raise ForgetError(f"the run {run} of the flow {ownership.FLOW} has not ended (it is {state}): run it again")
        time.sleep(0.1)
    if state != "SUCCESS":
        raise ForgetError(f"the run {run} of the flow {ownership.FLOW} is {state}: its log says why")
    _unless_done(kestra.delete_execution, run)


def _lives(kestra: Kestra, run_id: str) -> bool:
    try:
        return kestra.execution(run_id).live
    except KestraError as error:
        if error.status == 404:
            return False
        raise


def _unless_done(call: Callable[[str], None], run_id: str) -> None:
    """Do it, unless the run is gone or has ended already."""
    try:
        call(run_id)
    except KestraError as error:
        if error.status not in (404, 409):
            raise


def exported(kestra: Kestra, found: Found) -> JsonObject:
    """Return everything that was found, for a file: as it is kept, and Notion's pages as plain values. Raises
    ``KestraError``."""
    pages: dict[str, list[Json]] = {}
    for page_id, (database, page) in found.pages.items():
        pages.setdefault(database.title, []).append({"id": page_id, "properties": {**page_values.plain(page)}})
    return {
        "contact": found.person.contact,
        "email": found.person.email,
        "made_at": times.text(datetime.now(UTC)),
        "stop": found.stop,
        "entries": dict(found.entries),
        "runs": [{**run, "log": _log(kestra, run_id)} for run_id, run in found.runs.items()],
        "calls": [each._asdict() for each in found.calls or ()],
        "pages": {**pages},
    }


def _log(kestra: Kestra, run_id: str) -> list[Json]:
    return [{**vars(line), "at": times.text(line.at)} for line in kestra.logs(run_id)]


def default_file(contact: str, now: datetime) -> Path:
    """Return the name of the file for what is kept of a contact, in the current directory."""
    return Path(f"contact-{contact}-{now:%Y%m%dT%H%M%SZ}.json")


def write(file: Path, value: Any) -> None:
    """Write JSON into a new file that nobody else reads; it is on the disk when this returns. Raises ``ForgetError``."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ForgetError(f"{file} is there already: give another name with --export") from None
    except OSError as error:
        raise ForgetError(f"{file} cannot be made: {error.strerror}; nothing was changed") from None
    try:
        # Half a character, as a stranger's JSON may have it, stays as JSON writes it.
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as open_file:
            json.dump(value, open_file, indent=2, ensure_ascii=False)
            open_file.flush()
            os.fsync(open_file.fileno())
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        file.unlink(missing_ok=True)
        raise ForgetError(f"{file} cannot be written: {error.strerror}") from None


def by_flow(runs: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many runs each flow has, by its id."""
    flows = [str(run["flowId"]) for run in runs]
    return {flow: flows.count(flow) for flow in sorted(set(flows))}
