from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from christmas_campaign.campaign.outcomes import Kind, Outcome, Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import delivery_outcome, delivery_reports
from christmas_campaign.email.delivery_outcome import AnalyticsUpdate, Concluded, ReportOutcome
from christmas_campaign.email.delivery_reports import Report, ReportHistory, ReportTimes
from christmas_campaign.email.retry import PutOff
from unit import build

NOW, MINUTE = build.NOW, build.MINUTE
REST = timedelta(seconds=2)
NO_HISTORY = ReportHistory()


def decide(
    report: Report,
    history: ReportHistory = NO_HISTORY,
    bounces: list[str] | None = None,
    source: str | None = "source-analytics",
) -> ReportOutcome:
    return delivery_outcome.decide(report, history=history, bounces=bounces or [], source=source)


#: The history of an e-mail after the report of its delivery.
DELIVERED = decide(build.report()).history


def conclude(history: ReportHistory = DELIVERED, **changes: Any) -> Concluded:
    """Conclude a report whose update Notion accepted; ``changes`` are other responses."""
    defaults: dict[str, Any] = {"has_update": True, "page_exists": True, "page_updated": True, "tries": 0}
    return delivery_outcome.conclude(history=history, **{**defaults, "settings": Settings(), "now": NOW, **changes})


def updated_properties(outcome: ReportOutcome) -> Any:
    assert outcome.page is not None
    return outcome.page.update["properties"]


def test_first_report_starts_the_history_and_updates_the_page() -> None:
    assert decide(build.report()) == ReportOutcome(
        history=ReportHistory({Kind.DELIVERED: ReportTimes(NOW, "", NOW)}),
        bounces=None,
        stop=None,
        page=AnalyticsUpdate(
            path="/v1/data_sources/source-analytics/query",
            query={
                "filter": {"property": "Resend Email ID", "rich_text": {"equals": build.RESEND_ID}},
                "sorts": [{"timestamp": "created_time", "direction": "ascending"}],
                "page_size": 1,
            },
            update={"properties": {"Status": {"select": {"name": "delivered"}}, "Error Message": {"rich_text": []}}},
        ),
        alert=None,
    )


@pytest.mark.parametrize(
    ("kind", "detail", "status", "message"),
    [
        (Kind.BOUNCED, "Permanent General", "bounced", "bounced: Permanent General"),
        (Kind.SOFT_BOUNCED, "", "bounced", ""),
        (Kind.FAILED, "reached_daily_quota", "failed", "failed: reached_daily_quota"),
    ],
)
def test_page_has_the_status_and_the_detail(kind: Kind, detail: str, status: str, message: str) -> None:
    properties = updated_properties(decide(build.report(kind, detail=detail)))
    assert properties["Status"] == {"select": {"name": status}}
    assert build.text_of(properties["Error Message"]) == message


def test_page_has_the_strongest_kind_and_is_updated_only_for_a_stronger_one() -> None:
    bounced = decide(build.report(Kind.BOUNCED, detail="Permanent General")).history
    weaker = decide(build.report(), history=bounced)
    assert set(weaker.history.kinds) == {"bounced", "delivered"}
    # The page had no update yet. It gets the stronger kind.
    assert updated_properties(weaker)["Status"] == {"select": {"name": "bounced"}}
    on_page = conclude(bounced).history
    assert on_page == bounced._replace(page_status="bounced: Permanent General")
    assert decide(build.report(), history=on_page).page is None
    delivered = DELIVERED._replace(page_status="delivered")
    stronger = decide(build.report(Kind.COMPLAINED), history=delivered)
    assert updated_properties(stronger)["Status"] == {"select": {"name": "complained"}}


def test_soft_bounces_are_stored_when_there_is_a_new_one_and_the_fifth_suppresses_the_contact() -> None:
    own, soft = f"{build.WHO['enrolment']}.2", build.report(Kind.SOFT_BOUNCED)
    assert decide(soft).bounces == [own]
    assert decide(soft, bounces=[own]).bounces is None
    four = decide(soft, bounces=["a", "b", "c"])
    assert (four.bounces, four.stop) == (["a", "b", "c", own], None)
    # Also after the enrolment was deleted, when the analytics page is unknown.
    five = decide(soft, bounces=["a", "b", "c", "d"], source=None)
    assert (five.stop, five.page) == (Reason.BOUNCED, None)
    # The flow `resend-handler` suppresses these contacts before.
    hard = decide(build.report(Kind.BOUNCED), bounces=["a"])
    assert (hard.bounces, hard.stop) == (None, None)


@pytest.mark.parametrize(("detail", "why"), [("reached_daily_quota", ": reached_daily_quota"), ("", "")])
def test_team_is_alerted_when_resend_could_not_send(detail: str, why: str) -> None:
    assert decide(build.report(Kind.FAILED, detail=detail)).alert == {
        "key": f"{build.WHO['enrolment']}.2.failed_at_resend",
        "message": "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): Resend accepted the e-mail, but could not"
        f" send it{why}.\nContact of the enrolment {build.WHO['enrolment']}: no page in Notion is known.\n"
        "To do: Look for the e-mail in Resend's dashboard. If the contact still needs it, send it from there.",
    }


def test_decision_has_no_address() -> None:
    payload = build.resend("email.bounced", bounce={"message": "zoe@example.com: no", "type": "Permanent"})
    report = delivery_reports.read(payload, NOW, opens=False)
    assert isinstance(report, Report)
    assert "@" not in repr(decide(report))


# How the handling of a report ends.


@pytest.mark.parametrize(
    ("history", "changes", "expected"),
    [
        (
            DELIVERED,
            {},
            Concluded(Outcome.REPORTED, None, "", REST, history=DELIVERED._replace(page_status="delivered")),
        ),
        (
            DELIVERED._replace(page_status="delivered"),
            {"has_update": False, "page_exists": None, "page_updated": False},
            Concluded(Outcome.REPORTED, None, "", timedelta(0)),
        ),
        (
            DELIVERED,
            {"has_update": False, "page_exists": None, "page_updated": False},
            Concluded(
                Outcome.SKIPPED,
                Reason.ANALYTICS_PAGE_MISSING,
                "The enrolment is deleted from Kestra's KV store, so the analytics page cannot be found.",
                timedelta(0),
            ),
        ),
        (
            DELIVERED,
            {"page_exists": False, "page_updated": False, "tries": 6},
            Concluded(
                Outcome.SKIPPED,
                Reason.ANALYTICS_PAGE_MISSING,
                "Email Analytics has no page for this e-mail, for as long as it was tried: 7 times.",
                REST,
            ),
        ),
    ],
    ids=["updated", "up to date", "enrolment deleted", "page missing"],
)
def test_report_ends(history: ReportHistory, changes: dict[str, Any], expected: Concluded) -> None:
    assert conclude(history, **changes) == expected


def test_missing_page_is_retried_for_an_hour() -> None:
    waited = timedelta(0)
    for tries in range(6):
        concluded = conclude(page_exists=False, page_updated=False, tries=tries)
        assert (concluded.outcome, concluded.reason) == (Outcome.DEFERRED, Reason.ANALYTICS_PAGE_MISSING)
        assert concluded.later is not None
        assert (concluded.later.tries, concluded.rest, concluded.history) == (tries + 1, REST, None)
        waited += concluded.later.date - NOW
    assert waited == 61 * MINUTE


@pytest.mark.parametrize("page_exists", [None, True])
def test_unreachable_notion_is_retried_for_a_day(page_exists: bool | None) -> None:
    concluded = conclude(page_exists=page_exists, page_updated=False, tries=47)
    detail = "Notion could not be reached, or was not ready to answer. It is tried again."
    assert (concluded.outcome, concluded.detail) == (Outcome.DEFERRED, detail)
    assert concluded.later == PutOff(Reason.NOTION_UNREACHABLE, detail, NOW + 30 * MINUTE, 48)
    last = conclude(page_exists=page_exists, page_updated=False, tries=48)
    assert (last.outcome, last.reason) == (Outcome.FAILED, Reason.NOTION_UNREACHABLE)
    assert (last.later, last.history) == (None, None)


@pytest.mark.parametrize(
    ("settings", "seconds"), [(Settings(notion_rate=1.5), 4), (Settings(notion_rate=30, time_scale=4), 0.05)]
)
def test_reports_use_a_third_of_the_rate_of_notion(settings: Settings, seconds: float) -> None:
    assert conclude(settings=settings).rest == timedelta(seconds=seconds)
