"""The demo's verdict: missing, doubled, early or out-of-order e-mails are faults; late e-mails are a note."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from christmas_campaign.cli import main
from christmas_campaign.local import demo
from christmas_campaign.local.demo import Expected, Played, Timeline, Verdict
from christmas_campaign.local.sandbox import Mail

ANA = "ana@example.com"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PLAYED = [Played("noshow", ANA, NOW, [Expected(n, NOW + timedelta(seconds=6 * n)) for n in (1, 2, 3)])]
ENROLLED = {"noshow": NOW}


def mail(number: int, late: float = 1, to: str = ANA) -> Mail:
    """E-mail ``number``, which arrives ``late`` seconds after its time."""
    return Mail(
        id=f"{number}",
        received_at=NOW + timedelta(seconds=6 * number + late),
        sender="owner@example.com",
        to=(to,),
        subject="",
        html="",
        text="",
        headers={},
        idempotency_key=None,
        tags={"sequence": "noshow", "number": f"{number}"},
    )


@pytest.mark.parametrize(
    ("late", "latest"), [(1, 0), (9.9, 0), (11, 11), (300, 300)], ids=["on time", "nearly", "late", "very late"]
)
def test_late_emails_are_not_a_fault(late: float, latest: float) -> None:
    verdict = demo.judge(PLAYED, ENROLLED, [mail(1), mail(2), mail(3, late)])
    assert verdict == Verdict([], timedelta(seconds=latest))


def test_lateness_counts_from_a_late_enrolment() -> None:
    enrolled = {"noshow": NOW + timedelta(seconds=60)}
    assert demo.judge(PLAYED, enrolled, [mail(1, 55), mail(2, 50), mail(3, 45)]).late == timedelta(0)


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        ([mail(1), mail(2)], "noshow: expected the e-mails [1, 2, 3] in this order, got [1, 2]"),
        (
            [mail(1), mail(2), mail(2), mail(3)],
            "noshow: expected the e-mails [1, 2, 3] in this order, got [1, 2, 2, 3]",
        ),
        ([mail(2), mail(1, 7), mail(3)], "noshow: expected the e-mails [1, 2, 3] in this order, got [2, 1, 3]"),
        (
            [mail(1), mail(2), mail(3), mail(4)],
            "noshow: expected the e-mails [1, 2, 3] in this order, got [1, 2, 3, 4]",
        ),
        ([mail(1), mail(2), mail(3, -2)], "noshow: E3 came 2.0 s before its time"),
        ([mail(1), mail(2), mail(3), mail(3, to="bo@example.com")], "noshow E3 went to somebody else"),
    ],
    ids=["missing", "doubled", "out of order", "one too many", "early", "somebody else's"],
)
def test_wrong_emails_are_a_fault(seen: list[Mail], fault: str) -> None:
    assert demo.judge(PLAYED, ENROLLED, seen).faults == [fault]


class Silent:
    """Stands in for the stack of a demo whose e-mails have arrived already."""

    def __init__(self, *_: object, **__: object) -> None:
        self.sandbox = self
        self.url, self.data = "http://127.0.0.1", Path()
        self.start = self.stop = lambda *_: None
        self.webhook: Callable[[str], str] = str


@pytest.mark.parametrize(
    ("verdict", "code", "shown"),
    [
        (Verdict([], timedelta(0)), 0, "All 3 e-mails arrived, in order and on time.\n"),
        (
            Verdict([], timedelta(seconds=42)),
            0,
            "in order.\nNote: e-mails were up to 42 s late. This machine is busy: its load ",
        ),
        (
            Verdict(["E2 is missing"], timedelta(seconds=42)),
            1,
            "  wrong: E2 is missing\nNote: e-mails were up to 42 s late.",
        ),
    ],
    ids=["on time", "late", "missing"],
)
def test_only_faults_end_the_demo_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: Verdict, code: int, shown: str
) -> None:
    timeline = Timeline(Silent(), lambda _: None)  # type: ignore[arg-type]
    timeline.played = PLAYED
    monkeypatch.setattr(main, "Stack", Silent)
    monkeypatch.setattr(demo, "play", lambda *_: timeline)
    monkeypatch.setattr(demo, "watch", lambda *_: verdict)
    result = CliRunner().invoke(main.main, ["demo", "--once", "--data", str(tmp_path / "demo")])
    assert result.exit_code == code, result.output
    assert shown in result.output
