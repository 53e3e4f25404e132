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

NOW, HOUR, MINUTE = build.NOW, build.HOUR, build.MINUTE


#: What is kept of an e-mail before its first report.
NOTHING = ReportHistory()


def decide(
    report: Report,
    kept: ReportHistory = NOTHING,
    bounces: list[str] | None = None,
    source: str | None = "source-analytics",
) -> ReportOutcome:
    return delivery_outcome.decide(report, history=kept, bounces=bounces or [], source=source)


def conclude(kept: ReportHistory, *, asked: bool = True, found: bool | None = True, **changed: Any) -> Concluded:
    given: dict[str, Any] = {"page_updated": True, "tries": 0, "settings": Settings(), "now": NOW, **changed}
    return delivery_outcome.conclude(history=kept, has_update=asked, page_exists=found, **given)


def test_what_is_kept_and_asked_of_a_first_report() -> None:
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


def written_on_page(outcome: ReportOutcome) -> Any:
    assert outcome.page is not None
    return outcome.page.update["properties"]


@pytest.mark.parametrize(
    ("kind", "detail", "status", "message"),
    [
        (Kind.BOUNCED, "Permanent General", "bounced", "bounced: Permanent General"),
        (Kind.SOFT_BOUNCED, "Transient MailboxFull", "bounced", "bounced: Transient MailboxFull"),
        (Kind.SOFT_BOUNCED, "", "bounced", ""),
        (Kind.FAILED, "reached_daily_quota", "failed", "failed: reached_daily_quota"),
        (Kind.COMPLAINED, "", "complained", ""),
        (Kind.DELAYED, "", "delayed", ""),
    ],
)
def test_what_the_page_says(kind: Kind, detail: str, status: str, message: str) -> None:
    written = written_on_page(decide(build.report(kind, detail=detail)))
    assert written["Status"] == {"select": {"name": status}}
    assert build.text_of(written["Error Message"]) == message


def test_a_weaker_report_changes_nothing_on_the_page() -> None:
    bounced = decide(build.report(Kind.BOUNCED, detail="Permanent General")).history
    late = decide(build.report(Kind.DELIVERED), kept=bounced)
    assert set(late.history.kinds) == {"bounced", "delivered"}
    # The page was not written yet: it is written now, and says what is stronger.
    assert written_on_page(late)["Status"] == {"select": {"name": "bounced"}}
    written = conclude(bounced).history
    assert written == bounced._replace(page_status="bounced: Permanent General")
    later = decide(build.report(Kind.DELIVERED), kept=written)
    assert later.page is None
    assert later.history == late.history._replace(page_status="bounced: Permanent General")


def test_a_stronger_report_is_written_over_a_weaker_one() -> None:
    delivered = decide(build.report()).history._replace(page_status="delivered")
    assert decide(build.report(), kept=delivered).page is None
    properties = written_on_page(decide(build.report(Kind.COMPLAINED), kept=delivered))
    assert properties["Status"] == {"select": {"name": "complained"}}


def test_without_what_is_kept_of_the_enrolment_notion_is_not_asked() -> None:
    outcome = decide(build.report(Kind.SOFT_BOUNCED), bounces=["a", "b", "c", "d"], source=None)
    assert (outcome.page, outcome.stop) == (None, Reason.BOUNCED)
    assert set(outcome.history.kinds) == {"soft_bounced"}
    assert conclude(outcome.history, asked=False, found=None, page_updated=False) == Concluded(
        Outcome.SKIPPED,
        Reason.ANALYTICS_PAGE_MISSING,
        "The enrolment is deleted from Kestra's KV store, so the analytics page cannot be found.",
        timedelta(0),
    )


def test_bounces_are_kept_when_there_is_a_new_one() -> None:
    own = f"{build.WHO['enrolment']}.2"
    assert decide(build.report(Kind.SOFT_BOUNCED)).bounces == [own]
    assert decide(build.report(Kind.SOFT_BOUNCED), bounces=[own]).bounces is None
    assert decide(build.report(Kind.SOFT_BOUNCED), bounces=["a", "z"]).bounces == ["a", own, "z"]
    assert decide(build.report(Kind.BOUNCED), bounces=["a"]).bounces is None


def test_the_fifth_stops_the_contact() -> None:
    assert decide(build.report(Kind.SOFT_BOUNCED), bounces=["a", "b", "c"]).stop is None
    assert decide(build.report(Kind.SOFT_BOUNCED), bounces=["a", "b", "c", "d"]).stop is Reason.BOUNCED
    # These stop her before: see the flow `resend-handler`.
    assert decide(build.report(Kind.BOUNCED)).stop is None
    assert decide(build.report(Kind.COMPLAINED)).stop is None


@pytest.mark.parametrize(("detail", "why"), [("reached_daily_quota", ": reached_daily_quota"), ("", "")])
def test_the_team_is_told_of_an_email_that_resend_could_not_send(detail: str, why: str) -> None:
    alert = decide(build.report(Kind.FAILED, detail=detail)).alert
    assert alert == {
        "key": f"{build.WHO['enrolment']}.2.failed_at_resend",
        "message": "**Failed**: signup, e-mail 2 of 5 (template 5-Day E2): Resend accepted the e-mail, but could not"
        f" send it{why}.\nContact of the enrolment {build.WHO['enrolment']}: no page in Notion is known.\n"
        "To do: Look for the e-mail in Resend's dashboard. If the contact still needs it, send it from there.",
    }


def test_what_is_written_is_remembered() -> None:
    kept = decide(build.report()).history
    assert conclude(kept) == Concluded(
        Outcome.REPORTED, None, "", timedelta(seconds=2), history=kept._replace(page_status="delivered")
    )


def test_what_the_page_says_already_ends_well_and_costs_nothing() -> None:
    kept = decide(build.report()).history._replace(page_status="delivered")
    concluded = conclude(kept, asked=False, found=None, page_updated=False)
    assert concluded == Concluded(Outcome.REPORTED, None, "", timedelta(0))


def test_a_page_that_is_not_there_yet_is_waited_for_for_an_hour() -> None:
    kept = decide(build.report()).history
    waited = timedelta(0)
    for tries in range(6):
        concluded = conclude(kept, found=False, page_updated=False, tries=tries)
        assert (concluded.outcome, concluded.reason) == (Outcome.DEFERRED, Reason.ANALYTICS_PAGE_MISSING)
        assert concluded.later is not None
        assert concluded.later.tries == tries + 1
        assert concluded.history is None
        waited += concluded.later.date - NOW
    assert waited == 61 * MINUTE
    assert conclude(kept, found=False, page_updated=False, tries=6) == Concluded(
        Outcome.SKIPPED,
        Reason.ANALYTICS_PAGE_MISSING,
        "Email Analytics has no page for this e-mail, for as long as it was tried: 7 times.",
        timedelta(seconds=2),
    )


@pytest.mark.parametrize("found", [None, True])
def test_notion_that_is_away_is_waited_for_for_a_day(found: bool | None) -> None:
    kept = decide(build.report()).history
    later = conclude(kept, found=found, page_updated=False, tries=47)
    detail = "Notion could not be reached, or was not ready to answer. It is tried again."
    assert (later.outcome, later.detail) == (Outcome.DEFERRED, detail)
    assert later.later == PutOff(Reason.NOTION_UNREACHABLE, detail, NOW + 30 * MINUTE, 48)
    last = conclude(kept, found=found, page_updated=False, tries=48)
    assert (last.outcome, last.reason) == (Outcome.FAILED, Reason.NOTION_UNREACHABLE)
    assert (last.later, last.history) == (None, None)


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [(Settings(), 2), (Settings(notion_rate=1.5), 4), (Settings(notion_rate=30, time_scale=4), 0.05)],
)
def test_the_reports_take_a_third_of_what_notion_takes(settings: Settings, seconds: float) -> None:
    assert delivery_outcome.pause(settings) == timedelta(seconds=seconds)
    assert conclude(decide(build.report()).history, settings=settings).rest == timedelta(seconds=seconds)


def test_nothing_of_it_names_anybody() -> None:
    found = delivery_reports.read(
        build.resend("email.bounced", bounce={"message": "zoe@example.com: no", "type": "Permanent"}), NOW, opens=False
    )
    assert isinstance(found, Report)
    assert "@" not in repr(decide(found))
