from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Kind, Reason
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import Report, ReportHistory
from unit import build

NOW, HOUR = build.NOW, build.HOUR
TAGS = build.resend()["data"]["tags"]


def read(payload: Any, *, opens: bool = False) -> Report | Reason:
    """Read a webhook call an hour after ``NOW``."""
    return delivery_reports.read(payload, NOW + HOUR, opens=opens)


def read_report(payload: Any, *, opens: bool = False) -> Report:
    report = read(payload, opens=opens)
    assert isinstance(report, Report)
    return report


def stored_history(*reports: Report) -> dict[str, Any]:
    """The KV entry after these reports, written and read again for each one as the flow does."""
    entry: dict[str, Any] = {}
    for report in reports:
        before = ReportHistory.from_json(entry)
        after = before._replace(kinds=delivery_reports.add(before.kinds, report))
        entry = json.loads(json.dumps(after.as_json()))
    return entry


# Webhook calls.


def test_report_is_read_from_a_call() -> None:
    report = read_report(build.resend())
    assert report == Report(build.WHO["enrolment"], 2, build.WHO["contact"], build.RESEND_ID, Kind.DELIVERED, NOW)
    assert report == build.report()
    assert (report.email, report.sequence) == (f"{build.WHO['enrolment']}.2", "signup")
    assert Report.from_json(json.loads(json.dumps(report.as_json()))) == report


def bounce(kind: Any, sub_type: Any = "General") -> dict[str, Any]:
    details = {"message": "zoe@example.com said no", "type": kind, "subType": sub_type}
    return build.resend("email.bounced", bounce=details)


@pytest.mark.parametrize(
    ("payload", "kind", "detail"),
    [
        (build.resend("email.delivery_delayed"), "delayed", ""),
        (build.resend("email.complained"), "complained", ""),
        (bounce("Permanent"), "bounced", "Permanent General"),
        (bounce("Transient", "MailboxFull"), "soft_bounced", "Transient MailboxFull"),
        (bounce("permanent"), "soft_bounced", "permanent General"),
        (bounce("Permanent zoe@example.com", None), "soft_bounced", ""),
        (bounce("Transient", "zoe@example.com"), "soft_bounced", "Transient"),
        (bounce(None, 5), "soft_bounced", ""),
        (build.resend("email.bounced"), "soft_bounced", ""),
        (build.resend("email.bounced", bounce="no"), "soft_bounced", ""),
        (build.resend("email.suppressed", suppressed={"message": "zoe@example.com"}), "bounced", "Suppressed"),
        (build.resend("email.failed", failed={"reason": "reached_daily_quota"}), "failed", "reached_daily_quota"),
        (build.resend("email.failed", failed={"reason": "zoe@example.com is none"}), "failed", ""),
        (build.resend("email.failed"), "failed", ""),
    ],
)
def test_kind_and_detail_are_read_without_quoted_text(payload: Any, kind: str, detail: str) -> None:
    report = read_report(payload)
    assert (report.kind, report.detail) == (kind, detail)
    assert "zoe" not in json.dumps(report.as_json())


@pytest.mark.parametrize("name", ["email.opened", "email.clicked"])
def test_tracking_counts_only_if_the_setting_is_on(name: str) -> None:
    assert read(build.resend(name)) is Reason.NOT_OF_INTEREST
    assert f"email.{read_report(build.resend(name), opens=True).kind}" == name


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "email.delivered",
        [],
        {},
        {"type": ["email.delivered"]},
        build.resend("email.sent"),
        build.resend("delivered"),
    ],
)
def test_other_calls_are_ignored(payload: Any) -> None:
    assert read(payload) is Reason.NOT_OF_INTEREST


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "email.bounced"},
        {"type": "email.bounced", "data": []},
        build.resend(tags=None),
        build.resend(tags="enrolment"),
        build.resend(tags={"category": "newsletter"}),
        *(build.resend(tags={**TAGS, name: None}) for name in ("enrolment", "number", "contact")),
        *(
            build.resend(tags={**TAGS, "enrolment": enrolment})
            for enrolment in (
                "signup-abc",
                f"../{TAGS['enrolment']}",
                f"{TAGS['enrolment']}0",
                f"{TAGS['enrolment']}\n",
            )
        ),
        *(build.resend(tags={**TAGS, "number": number}) for number in (2, "0", "22")),
        *(build.resend(tags={**TAGS, "contact": contact}) for contact in ("zoe@example.com", f"{TAGS['contact']}0")),
        *(build.resend(email_id=email_id) for email_id in (None, "", "a b", "a" * 65)),
    ],
)
def test_email_of_another_system_is_ignored(payload: Any) -> None:
    assert read(payload) is Reason.NOT_OURS


def test_tags_may_be_a_list() -> None:
    listed: list[Any] = [{"name": name, "value": value} for name, value in TAGS.items()]
    assert read(build.resend(tags=["x", None, {"name": []}, {"value": "x"}, {"name": "x"}, *listed])) == build.report()


@pytest.mark.parametrize(
    ("created_at", "moment"),
    [
        ("2025-11-20 15:00:00.126999+00", NOW + timedelta(milliseconds=126)),
        ("2025-11-20T10:00:00-05:00", NOW),
        *((created_at, NOW + HOUR) for created_at in ("yesterday", None, 1_763_650_800, "0001-01-01T00:00:00+14:00")),
    ],
)
def test_time_is_the_one_of_the_call_or_now(created_at: Any, moment: datetime) -> None:
    report = read_report(build.resend(at=created_at))
    assert report.at == moment
    assert Report.from_json(report.as_json()) == report


# Suppressions.


@pytest.mark.parametrize("kind", Kind)
def test_complaint_and_hard_bounce_suppress_the_contact_at_once(kind: Kind) -> None:
    expected = {Kind.COMPLAINED: Reason.COMPLAINED, Kind.BOUNCED: Reason.BOUNCED}
    assert build.report(kind).stops is expected.get(kind)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SOFT_BOUNCED])
def test_only_soft_bounces_are_counted(kind: Kind) -> None:
    assert delivery_reports.soft_bounced(["signup-1.2"], build.report(kind)) == ["signup-1.2"]
    assert delivery_reports.stops(build.report(kind), ["a", "b", "c", "d", "e"]) is None


def test_five_emails_with_a_soft_bounce_suppress_the_contact() -> None:
    emails: list[str] = []
    for number in (5, 5, 4, 3, 2):
        report = build.report(Kind.SOFT_BOUNCED, number=number)
        emails = delivery_reports.soft_bounced(emails, report)
        assert delivery_reports.stops(report, emails) is None
    assert emails == [f"{build.WHO['enrolment']}.{number}" for number in (2, 3, 4, 5)]
    # The sixth report is of the fifth e-mail. A repeated report then gives the same answer.
    for number in (6, 3):
        report = build.report(Kind.SOFT_BOUNCED, number=number)
        emails = delivery_reports.soft_bounced(emails, report)
        assert delivery_reports.stops(report, emails) is Reason.BOUNCED


# The history.


def test_lifetimes_of_the_kv_entries() -> None:
    assert timedelta(days=60) == delivery_reports.HISTORY_LIFETIME
    assert timedelta(days=365) == delivery_reports.BOUNCES_LIFETIME


def test_history_has_the_first_and_last_time_of_each_kind() -> None:
    first = build.report(Kind.SOFT_BOUNCED, at=NOW, detail="Transient MailboxFull")
    last = build.report(Kind.SOFT_BOUNCED, at=NOW + HOUR, detail="Transient General")
    assert stored_history(build.report(at=NOW - HOUR), last, first) == {
        "kinds": {
            "delivered": {"first": times.text(NOW - HOUR), "detail": "", "last": times.text(NOW - HOUR)},
            "soft_bounced": {
                "first": times.text(NOW),
                "detail": "Transient MailboxFull",
                "last": times.text(NOW + HOUR),
            },
        }
    }
    assert ReportHistory.from_json(None) == ReportHistory({}, None)
    on_page = ReportHistory(delivery_reports.add({}, first), "bounced")
    assert on_page.as_json()["written"] == "bounced"
    assert ReportHistory.from_json(on_page.as_json()) == on_page


def test_strongest_kind_wins_over_later_reports() -> None:
    order = ["delayed", "delivered", "opened", "clicked", "failed", "soft_bounced", "bounced", "complained"]
    assert [kind.value for kind in Kind] == order
    assert [kind.status for kind in Kind] == [*order[:5], "bounced", "bounced", "complained"]
    for stronger, weaker in zip(list(Kind)[1:], Kind, strict=False):
        kinds = delivery_reports.add({}, build.report(stronger, detail="strong"))
        kinds = delivery_reports.add(kinds, build.report(weaker, at=NOW + HOUR, detail="weak"))
        assert delivery_reports.strongest(kinds) == (stronger, "strong")


REPORTS = st.builds(
    lambda kind, seconds, detail: build.report(kind, at=datetime.fromtimestamp(seconds, UTC), detail=detail),
    st.sampled_from(Kind),
    st.integers(1_763_650_800, 1_763_650_810),
    st.sampled_from(["", "Transient General", "Transient MailboxFull"]),
)


@given(st.lists(REPORTS, min_size=1, max_size=8), st.data())
def test_history_does_not_depend_on_order_and_repetition(reports: list[Report], data: st.DataObject) -> None:
    repeated = reports + data.draw(st.lists(st.sampled_from(reports), max_size=8))
    assert stored_history(*data.draw(st.permutations(repeated))) == stored_history(*reports)


@given(st.lists(st.tuples(st.sampled_from(Kind), st.integers(2, 8)), min_size=1, max_size=10), st.data())
def test_suppression_does_not_depend_on_order_and_repetition(
    drawn: list[tuple[Kind, int]], data: st.DataObject
) -> None:
    reports = [build.report(kind, number=number) for kind, number in drawn]
    repeated = data.draw(st.permutations(reports + data.draw(st.lists(st.sampled_from(reports), max_size=5))))
    emails: list[str] = []
    is_suppressed = False
    for report in repeated:
        emails = delivery_reports.soft_bounced(emails, report)
        is_suppressed |= delivery_reports.stops(report, emails) is not None
    numbers = {number for kind, number in drawn if kind is Kind.SOFT_BOUNCED}
    assert emails == [f"{build.WHO['enrolment']}.{number}" for number in sorted(numbers)]
    assert is_suppressed is (len(numbers) >= 5)
