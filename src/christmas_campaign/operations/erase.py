"""Forgets a contact: exports their data to a file, then erases it.

The order makes sure that no e-mail goes out and the contact stays suppressed, even if the command is interrupted.
"""

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
from christmas_campaign.operations.erase_search import NAMESPACE, ContactData, Systems, find_data
from christmas_campaign.stops import rules

#: How often the command searches again, for data that arrived while it erased.
ROUNDS = 5

#: Seconds to wait for executions to end.
PATIENCE = 120.0

_REPAIR = "repair"


class ForgetError(CommandError):
    """The contact is not forgotten completely; the message says what remains, and what to do."""


def forget_contact(
    systems: Systems, data: ContactData, typed: str, keep: Collection[Database], export: Path
) -> Iterator[Path]:
    """Export a contact's data and erase it, except the pages of the databases ``keep``; yield each file after it is written.

    ``typed`` is the address as the owner typed it. Data that arrives meanwhile is exported to another file and erased too.
    Raises ``ForgetError``, and as ``find_data``.
    """
    _check_flow_exists(systems.kestra)
    write(export, exported(systems.kestra, data))
    yield export
    exported_items = set(data.to_erase(()))
    suppress(systems.kestra, data.person.contact)
    for number in range(2, ROUNDS + 2):
        end_executions(systems, data)
        _erase(systems, data, keep, first=number == 2)
        # The search starts from the enrolments in ``person``, because their records are erased by now.
        data = find_data(systems, data.person, typed)
        remaining = data.to_erase(keep)
        if not remaining:
            return
        own_executions = ("execution stop ", f"execution {ownership.FLOW} ")
        if any(not name.startswith(own_executions) for name in set(data.to_erase(())) - exported_items):
            next_file = export.with_name(f"{export.stem}-{number}{export.suffix}")
            write(next_file, exported(systems.kestra, data))
            yield next_file
            exported_items |= set(data.to_erase(()))
    raise ForgetError(
        f"not all data of the contact is erased, because more keeps arriving: {', '.join(remaining)}; run this again"
    )


def _check_flow_exists(kestra: Kestra) -> None:
    """Raise ``ForgetError`` if Kestra lacks the flow that erases KV entries, before anything is changed."""
    try:
        kestra.flow(NAMESPACE, ownership.FLOW)
    except KestraError as error:
        if error.status != 404:
            raise
        raise ForgetError(f"Kestra has no flow {ownership.FLOW}: run christmas flows deploy first") from None


def suppress(kestra: Kestra, contact: str) -> None:
    """Stop a contact for good unless they are; after that, no e-mail is sent to them. Raises as ``stop.stop``."""
    if any(rules.holds_for_good(contact_stop) for contact_stop in stop.read_stops(kestra, contact).stops):
        stop.wait_until_sent(kestra, contact)
    else:
        stop.stop(kestra, contact, Reason.UNSUBSCRIBED)


def end_executions(systems: Systems, data: ContactData) -> None:
    """End the contact's waiting executions, and wait for those that end without help.

    That includes every execution of the repair, which may have read the contact's data and could restore it. Raises
    ``KestraError`` and ``ForgetError``.
    """
    kestra, person = systems.kestra, data.person
    waiting = {str(execution["id"]): execution for execution in data.live}
    killed: set[str] = set()
    deadline = time.monotonic() + PATIENCE
    while True:
        for filters in ({"labels": {"contact": person.contact}}, {"flow_id": _REPAIR}):
            live = kestra.executions_json(namespace=NAMESPACE, states=kestra_models.LIVE, **filters)
            waiting |= {str(execution["id"]): execution for execution in live}
        for execution_id, execution in waiting.items():
            if execution_id not in killed and ownership.may_be_killed(execution, person):
                only_waits = ownership.only_waits(execution, datetime.now(UTC))
                _unless_ended(kestra.delete_execution if only_waits else kestra.kill, execution_id)
                killed.add(execution_id)
        waiting = {
            execution_id: execution for execution_id, execution in waiting.items() if _is_live(kestra, execution_id)
        }
        if not waiting:
            return
        if time.monotonic() > deadline:
            ids = ", ".join(sorted(waiting))
            raise ForgetError(f"these executions have not ended: {ids}; look at them in Kestra, then run this again")
        systems.progress(f"Waiting for the end of {len(waiting)} executions")
        time.sleep(0.2)


def _erase(systems: Systems, data: ContactData, keep: Collection[Database], *, first: bool) -> None:
    for number, execution_id in enumerate(data.executions, 1):
        systems.progress(f"{number} of {len(data.executions)} executions deleted")
        _unless_ended(systems.kestra.delete_execution, execution_id)
    # The first round erases even if no entry is listed: expired entries are not listed, but still in Kestra's storage.
    if data.entries or first:
        systems.progress(f"Erasing {len(data.entries)} KV entries")
        _erase_entries(systems.kestra, data.person)
    if data.calls:
        erasure.erase(systems.inbox, [call.id for call in data.calls])
    pages = [page_id for page_id, (database, _) in data.pages.items() if database not in keep]
    for number, page in enumerate(pages, 1):
        systems.progress(f"{number} of {len(pages)} pages moved to the trash")
        try:
            systems.notion.archive_page(page)
        except NotionError as error:
            if error.status != 404:
                raise
    # The executions of the flow `stop` that this command started belong to the contact too.
    for execution in systems.kestra.executions(namespace=NAMESPACE, labels={"contact": data.person.contact}):
        if not execution.live and execution.flow == stop.FLOW:
            _unless_ended(systems.kestra.delete_execution, execution.id)
    systems.progress("")


def _erase_entries(kestra: Kestra, person: Person) -> None:
    execution_id = kestra.run(ownership.FLOW, {"patterns": ownership.patterns(person)}, namespace=NAMESPACE)
    subject = f"the execution {execution_id} of the flow {ownership.FLOW}"
    deadline = time.monotonic() + PATIENCE
    while (state := kestra.execution(execution_id).state) not in kestra_models.TERMINAL:
        if time.monotonic() > deadline:
            raise ForgetError(f"{subject} has not ended (it is {state}): run this again")
        time.sleep(0.1)
    if state != "SUCCESS":
        raise ForgetError(f"{subject} is {state}: its log says why")
    _unless_ended(kestra.delete_execution, execution_id)


def _is_live(kestra: Kestra, execution_id: str) -> bool:
    try:
        return kestra.execution(execution_id).live
    except KestraError as error:
        if error.status == 404:
            return False
        raise


def _unless_ended(call: Callable[[str], None], execution_id: str) -> None:
    """Call ``call``, and ignore its refusal if the execution is gone (404) or has ended (409)."""
    try:
        call(execution_id)
    except KestraError as error:
        if error.status not in (404, 409):
            raise


def exported(kestra: Kestra, data: ContactData) -> JsonObject:
    """Return a contact's data for the export: as stored, with each execution's log, and Notion pages as plain values.

    Raises ``KestraError``.
    """
    pages: dict[str, list[Json]] = {}
    for page_id, (database, page) in data.pages.items():
        pages.setdefault(database.title, []).append({"id": page_id, "properties": {**page_values.plain(page)}})
    return {
        "contact": data.person.contact,
        "email": data.person.email,
        "made_at": times.text(datetime.now(UTC)),
        "stop": data.stop,
        "entries": dict(data.entries),
        "runs": [
            {**execution, "log": _log(kestra, execution_id)} for execution_id, execution in data.executions.items()
        ],
        "calls": [call._asdict() for call in data.calls or ()],
        "pages": {**pages},
    }


def _log(kestra: Kestra, execution_id: str) -> list[Json]:
    return [{**vars(line), "at": times.text(line.at)} for line in kestra.logs(execution_id)]


def default_file(contact: str, now: datetime) -> Path:
    """Return the default export file of a contact (an opaque id), in the current directory; ``now`` is UTC."""
    return Path(f"contact-{contact}-{now:%Y%m%dT%H%M%SZ}.json")


def write(file: Path, value: Any) -> None:
    """Write JSON to a new file that only its owner can read, and sync it to the disk. Raises ``ForgetError``."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ForgetError(f"{file} already exists: choose another name with --export") from None
    except OSError as error:
        raise ForgetError(f"{file} cannot be created: {error.strerror}; nothing was changed") from None
    try:
        # A lone surrogate, which JSON from outside may contain, stays an escape sequence.
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


def count_by_flow(executions: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the number of executions (Kestra's JSON) by flow id."""
    flows = [str(execution["flowId"]) for execution in executions]
    return {flow: flows.count(flow) for flow in sorted(set(flows))}
