from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from christmas_campaign.campaign import business_systems
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import placeholder_values
from christmas_campaign.email.placeholder_values import Source
from christmas_campaign.email.template_text import Placeholder
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.registry import SEQUENCES
from unit import build

NOW = build.NOW
SETTINGS = build.SETTINGS._replace(links={"calendly_link": "https://calendly.com/x"})
TIPS = business_systems.TIPS


def sources(
    name: str = "signup",
    /,
    *,
    scheduled: datetime = NOW,
    signup: dict[str, Any] | None = None,
    contact: dict[str, Any] | None = None,
    settings: Settings = SETTINGS,
    **fields: Any,
) -> tuple[Source, ...]:
    """The sources for an e-mail of a payload with these fields; ``signup`` are fields of the contact's signup."""
    signup_fields = {} if signup is None else build.event("signup", **signup).fields
    return placeholder_values.sources(
        build.event(name, **fields), scheduled=scheduled, signup=signup_fields, contact=contact or {}, settings=settings
    )


def find(name: str, candidates: tuple[Source, ...], fallback: str | None = None) -> tuple[str, str] | None:
    return placeholder_values.find(Placeholder(name, fallback), candidates)


# The search.


def test_each_source_precedes_the_later_ones_and_the_fallback_precedes_the_defaults() -> None:
    names = [source.name for source in sources()]
    assert names == ["payload", "variables", "signup", "contact", "campaign", "defaults"]
    candidates = tuple(Source(name, {"x": f"from {name}"}) for name in names)
    for name in names[:-1]:
        assert find("x", candidates, "from the template") == (f"from {name}", name)
        candidates = tuple(source._replace(values={}) if source.name == name else source for source in candidates)
    assert find("x", candidates, "from the template") == ("from the template", "template")
    assert find("x", candidates, "") == ("", "template")
    assert find("x", candidates) == ("from defaults", "defaults")
    assert find("y", candidates) is None


@pytest.mark.parametrize("blank", [None, "", "  \n", []])
def test_blank_text_and_empty_lists_count_as_no_value(blank: Any) -> None:
    assert find("x", (Source("payload", {"x": blank}), Source("variables", {"x": "v"}), Source("defaults", {}))) == (
        "v",
        "variables",
    )
    assert find("x", (Source("payload", {}), Source("defaults", {"x": blank}))) is None


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (False, "false"), (2997.0, "2997"), (["a", "b"], "a, b")])
def test_zero_and_false_count_as_values(value: Plain, text: str) -> None:
    assert find("x", (Source("payload", {"x": value}), Source("defaults", {}))) == (text, "payload")


# The values of each source.


def test_values_come_from_the_first_source_that_has_them() -> None:
    candidates = sources(
        "noshow",
        first_name="Payload",
        variables={"first_name": "Variables", "assessment_score": "1", "calendly_link": "2"},
        signup={"first_name": "Signup", "email": "old@example.com", "money_score": 9},
        contact={"first_name": "Contact", "money_score": 5, "spots_remaining": 5, "bookings_count": None, "empty": ""},
    )
    assert find("first_name", candidates, "Template") == ("Payload", "payload")
    assert find("assessment_score", candidates) == ("1", "variables")
    assert find("calendly_link", candidates) == ("2", "variables")
    assert find("money_score", candidates) == ("9", "signup")
    assert find("spots_remaining", candidates) == ("5", "contact")
    assert find("bookings_count", candidates) == ("18", "campaign")
    assert find("empty", candidates) is None


def test_address_is_the_one_of_the_event_and_not_of_the_signup() -> None:
    candidates = sources("noshow", signup={"email": "old@example.com"})
    assert find("email", candidates) == ("zoe@example.com", "payload")
    assert "email" not in candidates[2].values


def test_campaign_precedes_the_fallback_and_the_fallback_the_defaults() -> None:
    candidates = sources(settings=SETTINGS._replace(sender_name="Ana"))
    assert find("sender_name", candidates, "we") == ("Ana", "campaign")
    assert find("calendly_link", candidates, "#") == ("https://calendly.com/x", "campaign")
    assert find("pdf_download_link", candidates, "#") == ("#", "template")
    assert find("pdf_download_link", candidates) is None
    assert find("business_name", candidates, "your salon") == ("your salon", "template")


@pytest.mark.parametrize("name", ["gps_score", "email_1_sent_at", "nothing", "Segment"])
def test_missing_value_is_none(name: str) -> None:
    assert find(name, sources()) is None


@pytest.mark.parametrize("name", build.NAMES)
def test_every_sequence_has_default_names_and_tips(name: str) -> None:
    defaults = sources(name)[-1].values
    assert (defaults["first_name"], defaults["business_name"]) == ("there", "your business")
    assert (defaults["personalized_tip_1"], defaults["personalized_tip_2"]) == (TIPS["GPS"], TIPS["CREW"])


@pytest.mark.parametrize(
    ("placeholders", "text"),
    [
        ("weakest_system_1 WeakestSystem1 weakest_system", "GPS"),
        ("weakest_system_2 WeakestSystem2", "FUEL"),
        ("strongest_system StrongestSystem", "CABIN"),
        ("revenue_leak_total TotalRevenueLeak TotalRevenueLeak_K AnnualRevenueLeak", "0"),
        ("red_systems orange_systems yellow_systems green_systems", "0"),
    ],
)
def test_only_a_signup_has_defaults_for_the_assessment(placeholders: str, text: str) -> None:
    for placeholder in placeholders.split():
        assert find(placeholder, sources()) == (text, "defaults")
        assert find(placeholder, sources("noshow")) is None


@pytest.mark.parametrize(
    ("name", "placeholder", "text"),
    [
        ("noshow", "event_type", "Discovery Call - $2997 Diagnostic"),
        ("postcall", "call_outcome", "Maybe"),
        ("onboarding", "docusign_completed", "true"),
    ],
)
def test_default_of_a_field_is_the_default_of_its_placeholder(name: str, placeholder: str, text: str) -> None:
    assert find(placeholder, sources(name)) == (text, "defaults")


# Computed values.


def test_values_are_computed_from_a_signup() -> None:
    fields: dict[str, Any] = {
        "assessment_score": 52.5,
        "red_systems": 1,
        "strongest_system": "FUEL",
        "revenue_leak_total": 14700,
    }
    fields |= {"weakest_system_1": "CREW System", "weakest_system_2": "radar"}
    assert placeholder_values.derive(fields) == {
        "overall_score": 52.5,
        "segment": "URGENT",
        "readiness_zone": "Warning Zone",
        "StrongestSystem": "FUEL",
        "WeakestSystem1": "CREW System",
        "weakest_system": "CREW System",
        "personalized_tip_1": TIPS["CREW"],
        "WeakestSystem2": "radar",
        "personalized_tip_2": TIPS["RADAR"],
        "TotalRevenueLeak": 14700,
        "TotalRevenueLeak_K": 15,
        "AnnualRevenueLeak": 176400,
        "systems_counted": 1,
    }
    assert placeholder_values.derive({"assessment_score": 52, "orange_systems": 2})["segment"] == "URGENT"
    assert find("segment", sources(**fields), "fallback") == ("URGENT", "payload")
    assert find("segment", sources("noshow", signup=fields), "fallback") == ("URGENT", "signup")
    assert find("segment", sources(), "fallback") == ("OPTIMIZE", "payload")


@pytest.mark.parametrize(("leak", "thousands"), [(499, 0), (500, 1), (14499, 14), (14500, 15)])
def test_leak_is_rounded_half_up_to_thousands(leak: int, thousands: int) -> None:
    assert placeholder_values.derive({"revenue_leak_total": leak})["TotalRevenueLeak_K"] == thousands


def test_unknown_system_has_the_default_tips() -> None:
    candidates = sources(weakest_system_1="Money System", weakest_system_2="nothing")
    assert find("weakest_system", candidates) == ("Money System", "payload")
    assert find("personalized_tip_1", candidates) == (TIPS["GPS"], "defaults")
    assert find("personalized_tip_2", candidates) == (TIPS["CREW"], "defaults")


def test_nothing_is_computed_without_its_field() -> None:
    assert placeholder_values.derive({"email": "zoe@example.com"}) == {}


@pytest.mark.parametrize(
    ("counts", "total"),
    [
        ({"red_systems": 1, "orange_systems": 2, "yellow_systems": 3, "green_systems": 2}, 8),
        ({"green_systems": 0}, 0),
    ],
)
def test_counted_systems_are_those_of_every_colour(counts: dict[str, Any], total: int) -> None:
    assert placeholder_values.derive(counts) == {"systems_counted": total}


# The forms for readers.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (14700, "$14,700"),
        (0, "$0"),
        (2997.5, "$2,997.50"),
        (49.999, "$50"),
        (1234567.891, "$1,234,567.89"),
        (-5, "-$5"),
        ("14700", "$14,700"),
        (" 99.90 ", "$99.90"),
        ("about $5k", "about $5k"),
        ("1,000", "1,000"),
        (True, "true"),
        (["a", "b"], "a, b"),
    ],
)
def test_amount_has_a_form_for_readers(value: Plain, text: str) -> None:
    assert find("paid_money", sources(variables={"paid": value})) == (text, "variables")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2025-11-26", "November 26"),
        ("2025-11-26T03:00:00Z", "November 25"),
        ("2025-12-05T15:00:00-05:00", "December 5"),
        ("next Monday", "next Monday"),
        (52, "52"),
    ],
)
def test_date_has_a_form_for_readers(value: Plain, text: str) -> None:
    assert find("call_day", sources(variables={"call": value})) == (text, "variables")


def test_day_of_a_time_is_in_the_zone_of_the_contact() -> None:
    fields: dict[str, Any] = {"scheduled_time": "2025-11-26T03:00:00Z", "time_zone": "Asia/Tokyo"}
    assert find("scheduled_time_day", sources("noshow", **fields)) == ("November 26", "payload")
    # In Vancouver the campaign's day begins on the day before.
    fields |= {"scheduled_time": "2025-11-26", "time_zone": "America/Vancouver"}
    assert find("scheduled_time_day", sources("noshow", **fields)) == ("November 26", "payload")


def test_form_for_readers_is_searched_source_by_source() -> None:
    assert find("revenue_leak_total_money", sources()) == ("$0", "defaults")
    assert find("AnnualRevenueLeak_money", sources(revenue_leak_total=14700)) == ("$176,400", "payload")
    assert find("Diagnostic Call Date_day", sources(contact={"Diagnostic Call Date": "2025-11-26"})) == (
        "November 26",
        "contact",
    )
    # A value of this very name comes first.
    variables = {"fee": 5, "fee_money": "five dollars"}
    assert find("fee_money", sources(variables=variables)) == ("five dollars", "variables")
    assert find("nothing_money", sources(), "x") == ("x", "template")
    assert find("fee_day", (Source("payload", {"fee": " "}), Source("defaults", {})), "x") == ("x", "template")
    assert find("deadline_day", sources()) == ("December 5", "payload")


@pytest.mark.parametrize(
    ("name", "base"),
    [("a_money", "a"), ("a_day", "a"), ("a_day_money", "a_day"), ("a", "a"), ("a_text", "a_text"), ("today", "today")],
)
def test_base_name_has_no_ending(name: str, base: str) -> None:
    assert placeholder_values.base_name(name) == base


# What is told of a contact.


NOTHING: tuple[Plain, ...] = (0, 0.0, False, "0", " 0.00 ", "-0", "false", " FALSE ", "", "  ", [])


@pytest.mark.parametrize(
    ("value", "is_told"),
    [
        (5, True),
        (-1, True),
        (0.5, True),
        (True, True),
        ("words", True),
        ("01", True),
        (["a"], True),
        ("falsehood", True),
        *((value, False) for value in NOTHING),
    ],
)
def test_value_is_told_unless_it_is_zero_or_empty(value: Plain, is_told: bool) -> None:
    for name in ("x", "x_money"):
        assert placeholder_values.is_told(name, sources(variables={"x": value})) is is_told


def test_only_what_a_source_tells_is_told_and_not_a_default() -> None:
    told = [
        (sources(weakest_system_1="CREW"), "weakest_system_1"),
        (sources(variables={"Kickoff": "x"}), "Kickoff"),
        (sources("noshow", signup={"weakest_system_1": "CREW"}), "WeakestSystem1"),
        (sources(contact={"Phase": "x"}), "Phase"),
        (sources(), "spots_remaining"),
    ]
    assert [placeholder_values.is_told(name, given) for given, name in told] == [True] * 5
    for name in ("weakest_system_1", "revenue_leak_total", "personalized_tip_1", "business_name", "nothing"):
        assert placeholder_values.is_told(name, sources()) is False


def test_value_that_the_placeholder_shows_decides() -> None:
    """The payload says 0, so ``$0`` would be shown, whatever the variables say."""
    given = sources(revenue_leak_total=0, variables={"revenue_leak_total": 5})
    assert placeholder_values.is_told("revenue_leak_total", given) is False


@pytest.mark.parametrize(
    ("name", "fields", "placeholder", "text"),
    [
        ("noshow", {}, "scheduled_time_text", "Thursday, November 20, 2025 at 9:00 AM EST"),
        (
            "noshow",
            {"time_zone": "America/Vancouver"},
            "scheduled_time_text",
            "Thursday, November 20, 2025 at 6:00 AM PST",
        ),
        (
            "noshow",
            {"time_zone": "Asia/Ho_Chi_Minh"},
            "scheduled_time_text",
            "Thursday, November 20, 2025 at 9:00 PM UTC+07",
        ),
        (
            "noshow",
            {"scheduled_time": "2025-11-20", "time_zone": "Asia/Tokyo"},
            "scheduled_time_text",
            "Thursday, November 20, 2025",
        ),
        ("noshow", {"time_zone": "Toronto"}, "scheduled_time_text", "Thursday, November 20, 2025 at 9:00 AM EST"),
        ("noshow", {"scheduled_time": "2025-11-20"}, "scheduled_time_text", "Thursday, November 20, 2025"),
        ("postcall", {"call_date": "2025-11-21T03:00:00Z"}, "call_date_text", "Thursday, November 20, 2025"),
        ("onboarding", {"start_date": "2025-12-01"}, "start_date_text", "Monday, December 1, 2025"),
    ],
)
def test_times_of_the_payload_are_also_there_in_words(
    name: str, fields: dict[str, Any], placeholder: str, text: str
) -> None:
    assert find(placeholder, sources(name, **fields)) == (text, "payload")


def test_missing_time_has_no_words() -> None:
    assert find("start_date_text", sources("onboarding")) is None


@pytest.mark.parametrize(
    ("scheduled", "days"),
    [
        # Midnight in Toronto is four hours after midnight UTC in summer time, and five in winter.
        ("2025-11-02T03:59:59Z", "34"),
        ("2025-11-02T04:00:00Z", "33"),
        ("2025-11-03T04:59:59Z", "33"),
        ("2025-11-03T05:00:00Z", "32"),
        ("2025-12-05T13:59:59+09:00", "1"),
        ("2025-12-05T05:00:00Z", "0"),
        ("2025-12-06T05:00:00Z", "0"),
        ("2026-03-01T00:00:00Z", "0"),
    ],
)
def test_days_to_the_deadline_are_counted_in_toronto_and_never_negative(scheduled: str, days: str) -> None:
    assert find("days_to_deadline", sources(scheduled=datetime.fromisoformat(scheduled))) == (days, "payload")


@pytest.mark.parametrize(
    ("placeholder", "text"),
    [
        ("personalized_tip_3", business_systems.GENERAL_TIP),
        ("deadline_date", "December 5, 2025"),
        ("unsubscribe_url", build.UNSUBSCRIBE),
        ("postal_address", "1 Main St, Toronto"),
    ],
)
def test_every_email_has_these_values(placeholder: str, text: str) -> None:
    assert find(placeholder, sources("noshow"), "fallback") == (text, "payload")


@pytest.mark.parametrize(
    "settings", [build.SETTINGS._replace(public_url=None), build.SETTINGS._replace(unsubscribe_keys=None)]
)
def test_missing_setting_leaves_no_unsubscribe_link(settings: Settings) -> None:
    assert placeholder_values.unsubscribe_url("ana@example.com", settings) is None
    assert find("unsubscribe_url", sources(settings=settings)) is None


def test_missing_setting_leaves_no_postal_address() -> None:
    assert find("postal_address", sources(settings=build.SETTINGS._replace(postal_address=None))) is None


def test_every_sequence_has_its_own_mail_reason() -> None:
    reasons = [sequence.mail_reason for sequence in SEQUENCES]
    assert len(set(reasons)) == len(SEQUENCES)
    for sequence, reason in zip(SEQUENCES, reasons, strict=True):
        assert find("mail_reason", sources(sequence.name)) == (reason, "payload")
        assert reason.startswith("You get this e-mail because ")
        assert reason.endswith(".")
