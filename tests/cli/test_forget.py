"""What ``christmas forget`` does with its file, and with what comes while it is at work; the engine's part is in tests/e2e."""

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

HER = Person("ana@example.com", "c" * 24)
NOTHING = ContactData(HER, None, {}, {}, (), (), {})


def run(run_id: str, flow: str = "enroll", state: str = "SUCCESS") -> dict[str, Any]:
    return {"id": run_id, "flowId": flow, "state": {"current": state}}


def page(database: schema.Database, page_id: str) -> tuple[schema.Database, dict[str, Any]]:
    return database, {"id": page_id, "properties": {"Email": {"type": "email", "email": HER.email}}}


FOUND = ContactData(
    HER,
    None,
    {"enrolment.x": {"event": {}}},
    {"r1": run("r1"), "r2": run("r2", "send-email", "CREATED")},
    ("other",),
    (InboxCall("call-0", "signup", "2025-11-20T15:00:00Z", False, {"email": HER.email}),),
    {"p1": page(schema.CONTACTS, "p1"), "p2": page(schema.ANALYTICS, "p2")},
)


def test_what_is_to_go_has_place_and_id() -> None:
    assert FOUND.to_erase(()) == [
        "execution enroll r1",
        "execution send-email r2",
        "entry enrolment.x",
        "call call-0",
        "page p1 in BusinessX",
        "page p2 in Email Analytics",
    ]
    assert FOUND.to_erase(BOOKS)[-1] == "page p2 in Email Analytics"
    assert len(FOUND.to_erase(BOOKS)) == 5
    assert NOTHING._replace(calls=None).to_erase(()) == []
    assert [each["id"] for each in FOUND.live] == ["r2"]


class Steps:
    """What the command does after the export, written down instead of done; each look finds the next of ``looks``."""

    def __init__(self, patch: pytest.MonkeyPatch, *looks: ContactData) -> None:
        self.done: list[str] = []
        self._looks = iter(looks)
        patch.setattr(erase, "_check_flow_exists", lambda _: None)
        for name in ("suppress", "end_executions", "_erase"):
            patch.setattr(erase, name, lambda *_, name=name, **__: self.done.append(name))
        patch.setattr(erase, "find_data", self._look)
        patch.setattr(erase, "exported", lambda _, found: found.to_erase(()))

    kestra = None

    def _look(self, *_: object) -> ContactData:
        self.done.append("look")
        return next(self._looks)


def forgotten(steps: Steps, file: Path) -> list[Path]:
    return list(forget_contact(steps, FOUND, HER.email, (), file))  # type: ignore[arg-type]


def test_it_is_written_before_anything_is_done_and_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "her.json"
    steps = Steps(monkeypatch, NOTHING)
    begun: Iterator[Path] = forget_contact(steps, FOUND, HER.email, (), file)  # type: ignore[arg-type]
    assert next(begun) == file
    assert json.loads(file.read_text()) == FOUND.to_erase(())
    assert steps.done == []
    assert list(begun) == []
    assert steps.done == ["suppress", "end_executions", "_erase", "look"]


def test_a_file_that_is_there_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "her.json"
    file.write_text("mine")
    steps = Steps(monkeypatch)
    with pytest.raises(ForgetError, match="already exists"):
        forgotten(steps, file)
    assert (steps.done, file.read_text()) == ([], "mine")


def test_what_comes_meanwhile_is_exported_and_erased_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # What it has run itself is no news, nor is what was there before; a late event is.
    own = NOTHING._replace(executions={"s": run("s", "stop"), "f": run("f", "forget"), "r1": run("r1")})
    late = NOTHING._replace(executions={"late": run("late", "signup-handler")})
    steps = Steps(monkeypatch, own, late, late, NOTHING)
    files = forgotten(steps, tmp_path / "her.json")
    assert [each.name for each in files] == ["her.json", "her-3.json"]
    assert json.loads(files[1].read_text()) == ["execution signup-handler late"]
    assert steps.done.count("_erase") == 4


def test_what_comes_anew_each_time_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    steps = Steps(monkeypatch, *[FOUND] * 9)
    with pytest.raises(
        ForgetError,
        match=r"new data of the contact keeps arriving.*: execution enroll r1, .*page p2 in Email Analytics; run this",
    ):
        forgotten(steps, tmp_path / "her.json")
    assert steps.done.count("look") == erase.ROUNDS


def test_pages_that_are_kept_are_not_left_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = NOTHING._replace(pages={"p1": page(schema.CONTACTS, "p1")})
    steps = Steps(monkeypatch, kept)
    assert len(list(forget_contact(steps, FOUND, HER.email, BOOKS, tmp_path / "x"))) == 1  # type: ignore[arg-type]


def test_the_file_is_private_and_named_after_nobody(tmp_path: Path) -> None:
    file = tmp_path / default_file(HER.contact, datetime(2025, 12, 24, 18, 5, 9, tzinfo=UTC))
    assert file.name == f"contact-{HER.contact}-20251224T180509Z.json"
    write(file, {"name": "Renée \ud83d"})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text(encoding="utf-8") == '{\n  "name": "Renée \\ud83d"\n}'
    with pytest.raises(ForgetError, match="cannot be created: No such file"):
        write(tmp_path / "no" / "such", {})


def test_a_wrong_address_is_said_before_anything_is_read() -> None:
    done = CliRunner().invoke(main, ["forget", "nobody"])
    assert done.exit_code == 2
    assert "this is not an e-mail address: it has no @" in done.stderr
