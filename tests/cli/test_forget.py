"""``christmas forget``: the export comes first, and data that arrives meanwhile is exported and erased too.

``tests/e2e/test_forget.py`` runs the command on the real engine.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from christmas_campaign.cli.main import main
from christmas_campaign.door.inbox.erasure import InboxCall
from christmas_campaign.erasure.ownership import Person
from christmas_campaign.notion import schema
from christmas_campaign.operations import erase
from christmas_campaign.operations.erase import ForgetError, default_file, forget_contact, write
from christmas_campaign.operations.erase_search import BOOKS, ContactData

CONTACT = Person("ana@example.com", "c" * 24)
NOTHING = ContactData(CONTACT, None, {}, {}, (), (), {})
DONE = ["suppress", "end_executions", "_erase", "look"]


def run(run_id: str, flow: str = "enroll", state: str = "SUCCESS") -> dict[str, Any]:
    return {"id": run_id, "flowId": flow, "state": {"current": state}}


def page(database: schema.Database, page_id: str) -> tuple[schema.Database, dict[str, Any]]:
    return database, {"id": page_id, "properties": {"Email": {"type": "email", "email": CONTACT.email}}}


FOUND = ContactData(
    CONTACT,
    None,
    {"enrolment.x": {"event": {}}},
    {"r1": run("r1"), "r2": run("r2", "send-email", "CREATED")},
    ("other",),
    (InboxCall("call-0", "signup", "2025-11-20T15:00:00Z", False, {"email": CONTACT.email}),),
    {"p1": page(schema.CONTACTS, "p1"), "p2": page(schema.ANALYTICS, "p2")},
)


class Steps:
    """Records the steps of the erasure instead of doing them. Each search returns the next of ``searches``."""

    kestra = None

    def __init__(self, patch: pytest.MonkeyPatch, *searches: ContactData) -> None:
        self.done: list[str] = []
        self._searches = iter(searches)
        patch.setattr(erase, "_check_flow_exists", lambda _: None)
        for name in DONE[:-1]:
            patch.setattr(erase, name, lambda *_, name=name, **__: self.done.append(name))
        patch.setattr(erase, "find_data", self._look)
        patch.setattr(erase, "exported", lambda _, data: data.to_erase(()))

    def _look(self, *_: object) -> ContactData:
        self.done.append("look")
        return next(self._searches)

    def forget(self, file: Path, keep: tuple[schema.Database, ...] = ()) -> Iterator[Path]:
        return forget_contact(self, FOUND, CONTACT.email, keep, file)  # type: ignore[arg-type]


def test_list_to_erase_has_place_and_id() -> None:
    books = "page p1 in BusinessX"
    assert FOUND.to_erase(()) == [
        "execution enroll r1",
        "execution send-email r2",
        "entry enrolment.x",
        "call call-0",
        books,
        "page p2 in Email Analytics",
    ]
    assert books not in FOUND.to_erase(BOOKS)
    assert [run["id"] for run in FOUND.live] == ["r2"]


def test_export_is_written_before_the_first_step(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "contact.json"
    # A page of a database that the owner keeps is no reason for another round.
    steps = Steps(monkeypatch, NOTHING._replace(pages={"p1": page(schema.CONTACTS, "p1")}))
    files = steps.forget(file, BOOKS)
    assert next(files) == file
    assert json.loads(file.read_text()) == FOUND.to_erase(())
    assert steps.done == []
    assert list(files) == []
    assert steps.done == DONE
    before = file.read_text()
    with pytest.raises(ForgetError, match="already exists"):
        list(steps.forget(file))
    assert (steps.done, file.read_text()) == (DONE, before)


def test_data_that_arrives_meanwhile_is_exported_and_erased(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The command's own executions and those of the first export are not new.
    own = NOTHING._replace(executions={"s": run("s", "stop"), "f": run("f", "forget"), "r1": run("r1")})
    late = NOTHING._replace(executions={"late": run("late", "signup-handler")})
    steps = Steps(monkeypatch, own, late, late, NOTHING)
    files = list(steps.forget(tmp_path / "contact.json"))
    assert [file.name for file in files] == ["contact.json", "contact-3.json"]
    assert json.loads(files[1].read_text()) == ["execution signup-handler late"]
    assert steps.done.count("_erase") == 4


def test_data_that_keeps_arriving_is_listed_in_the_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steps = Steps(monkeypatch, *[FOUND] * 9)
    with pytest.raises(ForgetError, match=r": execution enroll r1, .*page p2 in Email Analytics; run this"):
        list(steps.forget(tmp_path / "contact.json"))
    assert steps.done.count("look") == erase.ROUNDS


def test_export_is_private_and_its_name_has_no_address(tmp_path: Path) -> None:
    file = tmp_path / default_file(CONTACT.contact, datetime(2025, 12, 24, 18, 5, 9, tzinfo=UTC))
    assert file.name == f"contact-{CONTACT.contact}-20251224T180509Z.json"
    write(file, {"name": "Renée \ud83d"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text(encoding="utf-8") == '{\n  "name": "Renée \\ud83d"\n}'
    with pytest.raises(ForgetError, match="cannot be created: No such file"):
        write(tmp_path / "no" / "such", {})


def test_forget_refuses_a_wrong_address() -> None:
    result = CliRunner().invoke(main, ["forget", "nobody"])
    assert result.exit_code == 2
    assert "this is not an e-mail address: it has no @" in result.stderr
