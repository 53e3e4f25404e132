from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign import times
from christmas_campaign.campaign.outcomes import Kind, Reason
from christmas_campaign.email import delivery_reports
from christmas_campaign.email.delivery_reports import Report, ReportHistory
from unit import build

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE
OWN = build.resend()["data"]["tags"]


def read(payload: Any, *, opens: bool = False) -> Report | Reason:
    return delivery_reports.read(payload, NOW + HOUR, opens=opens)


def kept(*found: Report) -> dict[str, Any]:
    """What is kept once these were reported, each written down and read again as the flow does."""
    entry: dict[str, Any] | None = None
    for report in found:
        before = ReportHistory.from_json(entry)
        after = before._replace(kinds=delivery_reports.add(before.kinds, report))
        entry = json.loads(json.dumps(after.as_json()))
    assert entry is not None
    return entry


def test_a_report_is_read() -> None:
    found = read(build.resend())
    assert found == Report(build.WHO["enrolment"], 2, build.WHO["contact"], build.RESEND_ID, Kind.DELIVERED, NOW)
    assert found == build.report()
    assert (found.email, found.sequence, found.stops) == (f"{build.WHO['enrolment']}.2", "signup", None)
    assert Report.from_json(json.loads(json.dumps(found.as_json()))) == found


def bounce(kind: Any, sub_type: Any = "General") -> dict[str, Any]:
    said = {"message": "zoe@example.com said no", "type": kind, "subType": sub_type}
    return build.resend("email.bounced", bounce=said)


@pytest.mark.parametrize(
    ("payload", "kind", "detail"),
    [
        (build.resend("email.delivered"), "delivered", ""),
        (build.resend("email.delivery_delayed"), "delayed", ""),
        (build.resend("email.complained"), "complained", ""),
        (bounce("Permanent"), "bounced", "Permanent General"),
        (bounce("Permanent", "Suppressed"), "bounced", "Permanent Suppressed"),
        (bounce("Transient", "MailboxFull"), "soft_bounced", "Transient MailboxFull"),
        (bounce("Undetermined", "Undetermined"), "soft_bounced", "Undetermined Undetermined"),
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
def test_what_is_reported(payload: Any, kind: str, detail: str) -> None:
    found = read(payload)
    assert isinstance(found, Report)
    assert (found.kind, found.detail) == (kind, detail)
    assert "zoe" not in json.dumps(found.as_json())


@pytest.mark.parametrize("name", ["email.opened", "email.clicked"])
def test_reading_counts_only_where_somebody_wants_it(name: str) -> None:
    assert read(build.resend(name)) is Reason.NOT_OF_INTEREST
    found = read(build.resend(name), opens=True)
    assert isinstance(found, Report)
    assert f"email.{found.kind}" == name


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "email.delivered",
        [],
        {},
        {"type": None},
        {"type": ["email.delivered"]},
        build.resend("email.sent"),
        build.resend("email.scheduled"),
        build.resend("email.received"),
        build.resend("email.tomorrow"),
        build.resend("contact.created"),
        build.resend("delivered"),
    ],
)
def test_what_nobody_has_to_know(payload: Any) -> None:
    assert read(payload) is Reason.NOT_OF_INTEREST


def without(name: str) -> dict[str, Any]:
    return {each: value for each, value in OWN.items() if each != name}


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "email.bounced"},
        {"type": "email.bounced", "data": []},
        build.resend(tags=None),
        build.resend(tags="enrolment"),
        build.resend(tags={"category": "newsletter"}),
        build.resend(tags=[]),
        build.resend(tags=without("enrolment")),
        build.resend(tags=without("number")),
        build.resend(tags=without("contact")),
        build.resend(tags={**OWN, "enrolment": "signup-abc"}),
        build.resend(tags={**OWN, "enrolment": f"../{OWN['enrolment']}"}),
        build.resend(tags={**OWN, "enrolment": f"{OWN['enrolment']}0"}),
        build.resend(tags={**OWN, "enrolment": f"{OWN['enrolment']}\n"}),
        build.resend(tags={**OWN, "number": 2}),
        build.resend(tags={**OWN, "number": "0"}),
        build.resend(tags={**OWN, "number": "22"}),
        build.resend(tags={**OWN, "contact": "zoe@example.com"}),
        build.resend(tags={**OWN, "contact": f"{OWN['contact']}0"}),
        build.resend(email_id=None),
        build.resend(email_id=""),
        build.resend(email_id="a b"),
        build.resend(email_id="a" * 65),
    ],
)
def test_an_email_that_is_not_this_systems(payload: Any) -> None:
    assert read(payload) is Reason.NOT_OURS


def test_tags_may_come_as_the_list_in_which_they_were_sent() -> None:
    listed: list[Any] = [{"name": name, "value": value} for name, value in OWN.items()]
    assert read(build.resend(tags=listed)) == build.report()
    assert read(build.resend(tags=["x", None, {"name": []}, {"value": "x"}, {"name": "x"}, *listed])) == build.report()


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2025-11-20T15:00:00.126Z", NOW + timedelta(milliseconds=126)),
        ("2025-11-20 15:00:00.126999+00", NOW + timedelta(milliseconds=126)),
        ("2025-11-20T10:00:00-05:00", NOW),
        ("yesterday", NOW + HOUR),
        (None, NOW + HOUR),
        (1_763_650_800, NOW + HOUR),
        ("0001-01-01T00:00:00+14:00", NOW + HOUR),
    ],
)
def test_when_it_happened(said: Any, moment: datetime) -> None:
    found = read(build.resend(at=said))
    assert isinstance(found, Report)
    assert found.at == moment
    assert Report.from_json(found.as_json()) == found


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.COMPLAINED, Reason.COMPLAINED),
        (Kind.BOUNCED, Reason.BOUNCED),
        *((kind, None) for kind in Kind if kind not in (Kind.COMPLAINED, Kind.BOUNCED)),
    ],
)
def test_which_report_stops_a_contact_at_once(kind: Kind, reason: Reason | None) -> None:
    assert build.report(kind).stops is reason


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SOFT_BOUNCED])
def test_only_what_bounced_for_now_is_counted(kind: Kind) -> None:
    before = ["noshow-1.1", "signup-1.2"]
    assert delivery_reports.soft_bounced(before, build.report(kind)) == before
    assert delivery_reports.stops(build.report(kind), ["a", "b", "c", "d", "e"]) is None


def test_five_emails_that_bounced_for_now_stop_a_contact() -> None:
    emails: list[str] = []
    for number in (5, 4, 3, 2):
        for _ in range(3):
            report = build.report(Kind.SOFT_BOUNCED, number=number)
            emails = delivery_reports.soft_bounced(emails, report)
            assert delivery_reports.stops(report, emails) is None, "one that is reported thrice counts once"
    assert emails == [f"{build.WHO['enrolment']}.{number}" for number in (2, 3, 4, 5)]
    last = build.report(Kind.SOFT_BOUNCED, number=6)
    assert delivery_reports.stops(last, delivery_reports.soft_bounced(emails, last)) is Reason.BOUNCED
    again = build.report(Kind.SOFT_BOUNCED, number=3)
    assert (
        delivery_reports.stops(again, delivery_reports.soft_bounced(delivery_reports.soft_bounced(emails, last), again))
        is Reason.BOUNCED
    )


def test_how_long_it_is_kept() -> None:
    assert (timedelta(days=60), timedelta(days=365)) == (
        delivery_reports.HISTORY_LIFETIME,
        delivery_reports.BOUNCES_LIFETIME,
    )


def test_what_is_kept() -> None:
    first = build.report(Kind.SOFT_BOUNCED, at=NOW, detail="Transient MailboxFull")
    later = build.report(Kind.SOFT_BOUNCED, at=NOW + HOUR, detail="Transient General")
    assert kept(build.report(at=NOW - MINUTE), later, first) == {
        "kinds": {
            "delivered": {"first": times.text(NOW - MINUTE), "detail": "", "last": times.text(NOW - MINUTE)},
            "soft_bounced": {
                "first": times.text(NOW),
                "detail": "Transient MailboxFull",
                "last": times.text(NOW + HOUR),
            },
        }
    }
    assert ReportHistory.from_json(None) == ReportHistory({}, None)


def test_the_strongest_is_shown() -> None:
    order = ["delayed", "delivered", "opened", "clicked", "failed", "soft_bounced", "bounced", "complained"]
    assert [kind.value for kind in Kind] == order
    assert [kind.status for kind in Kind] == [*order[:5], "bounced", "bounced", "complained"]
    for place, kind in enumerate(Kind):
        said: dict[Kind, delivery_reports.ReportTimes] = {}
        # The weaker ones come last, and later.
        for number, each in enumerate(reversed(list(Kind)[: place + 1])):
            said = delivery_reports.add(said, build.report(each, at=NOW + number * HOUR, detail=each.value))
        assert delivery_reports.strongest(said) == (kind, kind.value)


REPORTS = st.builds(
    lambda kind, seconds, detail: build.report(
        kind, at=times.parse(times.text(datetime.fromtimestamp(seconds, UTC))), detail=detail
    ),
    st.sampled_from(Kind),
    st.integers(1_763_650_800, 1_763_650_810),
    st.sampled_from(["", "Transient General", "Transient MailboxFull"]),
)


@given(st.lists(REPORTS, min_size=1, max_size=8), st.data())
def test_any_order_with_doubles_comes_to_the_same(found: list[Report], data: st.DataObject) -> None:
    doubled = found + data.draw(st.lists(st.sampled_from(found), max_size=8))
    assert kept(*data.draw(st.permutations(doubled))) == kept(*found)


@given(st.lists(st.tuples(st.sampled_from(Kind), st.integers(2, 8)), min_size=1, max_size=10), st.data())
def test_the_count_of_bounces_is_the_same_in_any_order(drawn: list[tuple[Kind, int]], data: st.DataObject) -> None:
    found = [build.report(kind, number=number) for kind, number in drawn]
    doubled = data.draw(st.permutations(found + data.draw(st.lists(st.sampled_from(found), max_size=5))))

    def counted(said: list[Report]) -> tuple[list[str], bool]:
        emails: list[str] = []
        stopped = False
        for each in said:
            emails = delivery_reports.soft_bounced(emails, each)
            stopped |= delivery_reports.stops(each, emails) is not None
        return emails, stopped

    assert counted(doubled) == counted(found)
    assert counted(found)[1] == (len({number for kind, number in drawn if kind is Kind.SOFT_BOUNCED}) >= 5)


def test_every_order_of_all_that_may_be_said_of_a_journey() -> None:
    """Not drawn: each of the 120 orders of what one e-mail may go through."""
    found = [
        build.report(Kind.DELAYED, at=NOW),
        build.report(Kind.DELIVERED, at=NOW + MINUTE),
        build.report(Kind.SOFT_BOUNCED, at=NOW + MINUTE, detail="Transient General"),
        build.report(Kind.SOFT_BOUNCED, at=NOW + MINUTE, detail="Transient MailboxFull"),
        build.report(Kind.COMPLAINED, at=NOW + HOUR),
    ]
    assert len({json.dumps(kept(*each)) for each in permutations(found)}) == 1
