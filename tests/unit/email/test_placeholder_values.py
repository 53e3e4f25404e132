from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from christmas_campaign.campaign import business_systems
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.email import placeholder_values
from christmas_campaign.email.template_text import Placeholder
from christmas_campaign.sequences.field_types import Plain
from christmas_campaign.sequences.model import Sequence
from christmas_campaign.sequences.registry import SEQUENCES
from unit import build

NOW = build.NOW
SETTINGS = build.SETTINGS._replace(links={"calendly_link": "https://calendly.com/x"})


def sources(
    name: str = "signup",
    /,
    *,
    scheduled: datetime = NOW,
    signup: dict[str, Any] | None = None,
    contact: dict[str, Any] | None = None,
    settings: Settings = SETTINGS,
    **fields: Any,
) -> tuple[placeholder_values.Source, ...]:
    said = {} if signup is None else build.event("signup", **signup).fields
    event = build.event(name, **fields)
    return placeholder_values.sources(event, scheduled=scheduled, signup=said, contact=contact or {}, settings=settings)


def find(
    name: str, asked: tuple[placeholder_values.Source, ...], fallback: str | None = None
) -> tuple[str, str] | None:
    return placeholder_values.find(Placeholder(name, fallback), asked)


def test_the_sources_in_their_order() -> None:
    assert [source.name for source in sources()] == [
        "payload",
        "variables",
        "signup",
        "contact",
        "campaign",
        "defaults",
    ]


def test_each_source_beats_the_later_ones_and_the_template_comes_before_the_defaults() -> None:
    names = ("payload", "variables", "signup", "contact", "campaign", "defaults")
    asked = tuple(placeholder_values.Source(name, {"x": f"from {name}"}) for name in names)
    for name in names[:-1]:
        assert find("x", asked, "from the template") == (f"from {name}", name)
        asked = tuple(source._replace(values={}) if source.name == name else source for source in asked)
    assert find("x", asked, "from the template") == ("from the template", "template")
    assert find("x", asked, "") == ("", "template")
    assert find("x", asked) == ("from defaults", "defaults")
    assert find("y", asked) is None


@pytest.mark.parametrize("nothing", [None, "", "  \n", []])
def test_blank_text_and_empty_lists_are_no_values(nothing: Any) -> None:
    asked = (
        placeholder_values.Source("payload", {"x": nothing}),
        placeholder_values.Source("variables", {"x": "v"}),
        placeholder_values.Source("d", {}),
    )
    assert find("x", asked) == ("v", "variables")
    last = (placeholder_values.Source("payload", {}), placeholder_values.Source("defaults", {"x": nothing}))
    assert find("x", last) is None


@pytest.mark.parametrize(("given", "text"), [(0, "0"), (False, "false"), (2997.0, "2997"), (["a", "b"], "a, b")])
def test_zero_and_false_are_values(given: Plain, text: str) -> None:
    assert find("x", (placeholder_values.Source("payload", {"x": given}), placeholder_values.Source("d", {}))) == (
        text,
        "payload",
    )


def test_the_payload_beats_everything() -> None:
    asked = sources(
        "noshow",
        first_name="Payload",
        variables={"first_name": "Variables"},
        signup={"first_name": "Signup"},
        contact={"first_name": "Contact"},
    )
    assert find("first_name", asked, "Template") == ("Payload", "payload")


def test_variables_beat_the_signup_the_contact_and_the_constants() -> None:
    variables = {"assessment_score": "1", "Phase": "2", "spots_remaining": "3", "calendly_link": "4"}
    asked = sources("noshow", variables=variables, signup={"assessment_score": 52}, contact={"Phase": "x"})
    for name, text in variables.items():
        assert find(name, asked) == (text, "variables")


def test_the_signup_beats_the_contact() -> None:
    asked = sources("noshow", signup={"money_score": 9}, contact={"money_score": 5, "assessment_score": 1})
    assert find("money_score", asked) == ("9", "signup")
    assert find("assessment_score", asked) == ("52", "signup")


def test_the_contact_beats_the_campaign() -> None:
    asked = sources(contact={"spots_remaining": 5, "bookings_count": None, "Phase": "Phase 1 Assessment", "no": ""})
    assert find("spots_remaining", asked) == ("5", "contact")
    assert find("bookings_count", asked) == ("18", "campaign")
    assert find("Phase", asked) == ("Phase 1 Assessment", "contact")
    assert find("no", asked) is None


def test_the_campaign_beats_the_template_and_the_template_the_defaults() -> None:
    asked = sources()
    assert find("spots_remaining", asked, "many") == ("12", "campaign")
    assert find("sender_name", asked, "we") == ("Sang Le - BusOS", "campaign")
    assert find("calendly_link", asked, "#") == ("https://calendly.com/x", "campaign")
    assert find("pdf_download_link", asked, "#") == ("#", "template")
    assert find("pdf_download_link", asked) is None
    assert find("business_name", asked, "your salon") == ("your salon", "template")
    assert find("business_name", asked) == ("your business", "defaults")


def test_the_senders_name_is_the_one_of_the_settings() -> None:
    assert find("sender_name", sources(settings=SETTINGS._replace(sender_name="Ana"))) == ("Ana", "campaign")


@pytest.mark.parametrize("name", build.NAMES)
def test_what_each_sequence_says_without_being_told(name: str) -> None:
    defaults = sources(name)[-1].values
    assert defaults["first_name"] == "there"
    assert defaults["business_name"] == "your business"
    assert defaults["personalized_tip_1"] == business_systems.TIPS["GPS"]
    assert defaults["personalized_tip_2"] == business_systems.TIPS["CREW"]


SIGNUP_ONLY = {
    "weakest_system_1": "GPS",
    "WeakestSystem1": "GPS",
    "weakest_system": "GPS",
    "weakest_system_2": "FUEL",
    "WeakestSystem2": "FUEL",
    "strongest_system": "CABIN",
    "StrongestSystem": "CABIN",
    "revenue_leak_total": "0",
    "TotalRevenueLeak": "0",
    "TotalRevenueLeak_K": "0",
    "AnnualRevenueLeak": "0",
    "red_systems": "0",
    "orange_systems": "0",
    "yellow_systems": "0",
    "green_systems": "0",
}


@pytest.mark.parametrize(("placeholder", "text"), SIGNUP_ONLY.items())
def test_what_only_a_signup_says_without_being_told(placeholder: str, text: str) -> None:
    assert find(placeholder, sources()) == (text, "defaults")
    for name in ("noshow", "postcall", "onboarding"):
        assert find(placeholder, sources(name)) is None


@pytest.mark.parametrize(
    ("name", "placeholder", "text"),
    [
        ("noshow", "event_type", "Discovery Call - $2997 Diagnostic"),
        ("postcall", "call_outcome", "Maybe"),
        ("postcall", "follow_up_priority", "Medium"),
        ("onboarding", "docusign_completed", "true"),
        ("onboarding", "package_type", "Phase 1 - Traditional Service Diagnostic"),
    ],
)
def test_the_default_of_a_field_is_the_default_of_its_placeholder(name: str, placeholder: str, text: str) -> None:
    assert find(placeholder, sources(name)) == (text, "defaults")


@pytest.mark.parametrize("placeholder", ["gps_score", "money_score", "email_1_sent_at", "nothing", "Segment"])
def test_what_nobody_said_has_no_value(placeholder: str) -> None:
    assert find(placeholder, sources()) is None


@pytest.mark.parametrize(
    ("given", "placeholder", "text"),
    [
        ({"assessment_score": 52}, "assessment_score", "52"),
        ({"assessment_score": 52.5}, "overall_score", "52.5"),
        ({"red_systems": 2}, "segment", "CRITICAL"),
        ({"red_systems": 2}, "readiness_zone", "Crisis Zone"),
        ({"red_systems": 1}, "segment", "URGENT"),
        ({"orange_systems": 2}, "readiness_zone", "Warning Zone"),
        ({"orange_systems": 1}, "segment", "OPTIMIZE"),
        ({}, "segment", "OPTIMIZE"),
        ({}, "readiness_zone", "Growth Zone"),
        ({"weakest_system_1": "CREW System"}, "weakest_system_1", "CREW System"),
        ({"weakest_system_1": "CREW System"}, "WeakestSystem1", "CREW System"),
        ({"weakest_system_1": "CREW System"}, "weakest_system", "CREW System"),
        ({"weakest_system_1": "CREW System"}, "personalized_tip_1", business_systems.TIPS["CREW"]),
        ({"weakest_system_2": "radar"}, "weakest_system_2", "radar"),
        ({"weakest_system_2": "radar"}, "WeakestSystem2", "radar"),
        ({"weakest_system_2": "radar"}, "personalized_tip_2", business_systems.TIPS["RADAR"]),
        ({"strongest_system": "FUEL"}, "strongest_system", "FUEL"),
        ({"strongest_system": "FUEL"}, "StrongestSystem", "FUEL"),
        ({"revenue_leak_total": 14700}, "revenue_leak_total", "14700"),
        ({"revenue_leak_total": 14700}, "TotalRevenueLeak", "14700"),
        ({"revenue_leak_total": 14700}, "AnnualRevenueLeak", "176400"),
        ({"revenue_leak_total": 0}, "TotalRevenueLeak_K", "0"),
        ({"revenue_leak_total": 499}, "TotalRevenueLeak_K", "0"),
        ({"revenue_leak_total": 500}, "TotalRevenueLeak_K", "1"),
        ({"revenue_leak_total": 14499}, "TotalRevenueLeak_K", "14"),
        ({"revenue_leak_total": 14500}, "TotalRevenueLeak_K", "15"),
        ({"revenue_leak_total": 15500}, "TotalRevenueLeak_K", "16"),
        ({}, "personalized_tip_3", business_systems.GENERAL_TIP),
        ({}, "deadline_date", "December 5, 2025"),
        ({}, "unsubscribe_url", build.UNSUBSCRIBE),
        ({}, "postal_address", "1 Main St, Toronto"),
    ],
)
def test_what_is_computed_from_the_payload(given: dict[str, Any], placeholder: str, text: str) -> None:
    assert find(placeholder, sources(**given), "not this") == (text, "payload")
    if placeholder not in ("personalized_tip_3", "deadline_date", "unsubscribe_url", "postal_address"):
        assert find(placeholder, sources("noshow", signup=given), "not this") == (text, "signup")


@pytest.mark.parametrize("weakest", ["Money System", "nothing"])
def test_a_system_that_is_none_of_the_eight_has_the_fallback_tips(weakest: str) -> None:
    asked = sources(weakest_system_1=weakest, weakest_system_2=weakest)
    assert find("weakest_system", asked) == (weakest, "payload")
    assert find("personalized_tip_1", asked) == (business_systems.TIPS["GPS"], "defaults")
    assert find("personalized_tip_2", asked) == (business_systems.TIPS["CREW"], "defaults")


def test_a_signup_without_a_second_weakest_system_has_crews_tip() -> None:
    assert find("personalized_tip_2", sources(weakest_system_1="FUEL")) == (business_systems.TIPS["CREW"], "defaults")


def test_without_a_leak_there_is_no_yearly_leak() -> None:
    assert placeholder_values.derive({}) == {}
    assert placeholder_values.derive({"email": "zoe@example.com", "red_systems": 2}) == {}


@pytest.mark.parametrize(
    ("name", "fields", "placeholder", "text"),
    [
        ("noshow", {}, "scheduled_time_text", "Thursday, November 20, 2025 at 9:00 AM"),
        (
            "noshow",
            {"scheduled_time": "2025-11-20T00:05"},
            "scheduled_time_text",
            "Thursday, November 20, 2025 at 12:05 AM",
        ),
        ("noshow", {"scheduled_time": "2025-07-01T16:00Z"}, "scheduled_time_text", "Tuesday, July 1, 2025 at 12:00 PM"),
        ("noshow", {"scheduled_time": "2025-11-20"}, "scheduled_time_text", "Thursday, November 20, 2025"),
        ("postcall", {"call_date": "2025-11-21T03:00:00Z"}, "call_date_text", "Thursday, November 20, 2025"),
        ("onboarding", {"start_date": "2025-12-01"}, "start_date_text", "Monday, December 1, 2025"),
    ],
)
def test_times_are_there_as_people_read_them(name: str, fields: dict[str, Any], placeholder: str, text: str) -> None:
    assert find(placeholder, sources(name, **fields)) == (text, "payload")


def test_a_time_that_nobody_gave_has_no_text() -> None:
    assert find("start_date_text", sources("onboarding")) is None


def test_the_address_is_the_one_of_this_event() -> None:
    assert find("email", sources("noshow", signup={"email": "old@example.com"})) == ("zoe@example.com", "payload")
    assert "email" not in sources("noshow", signup={"email": "old@example.com"})[2].values


@pytest.mark.parametrize(
    ("scheduled", "days"),
    [
        ("2025-11-20T15:00:00Z", "15"),
        # Midnight in Toronto is four hours after midnight UTC in summer time, five in winter.
        ("2025-11-02T03:59:59Z", "34"),
        ("2025-11-02T04:00:00Z", "33"),
        ("2025-11-03T04:59:59Z", "33"),
        ("2025-11-03T05:00:00Z", "32"),
        ("2025-12-04T04:59:59Z", "2"),
        ("2025-12-05T04:59:59Z", "1"),
        ("2025-12-05T05:00:00Z", "0"),
        ("2025-12-06T04:59:59Z", "0"),
        ("2025-12-06T05:00:00Z", "0"),
        ("2026-03-01T00:00:00Z", "0"),
    ],
)
def test_days_to_the_deadline_are_counted_in_toronto_and_never_below_zero(scheduled: str, days: str) -> None:
    asked = sources(scheduled=datetime.fromisoformat(scheduled))
    assert find("days_to_deadline", asked) == (days, "payload")


def test_days_are_torontos_even_if_the_date_was_written_elsewhere() -> None:
    in_tokyo = datetime.fromisoformat("2025-12-05T13:59:59+09:00")
    assert in_tokyo.astimezone(UTC).isoformat() == "2025-12-05T04:59:59+00:00"
    assert find("days_to_deadline", sources(scheduled=in_tokyo)) == ("1", "payload")


def test_without_the_setting_there_is_no_way_to_unsubscribe() -> None:
    no_address, no_keys = build.SETTINGS._replace(public_url=None), build.SETTINGS._replace(unsubscribe_keys=None)
    for lacking in (Settings(), no_address, no_keys):
        assert placeholder_values.unsubscribe_url("ana@example.com", lacking) is None
        assert find("unsubscribe_url", sources(settings=lacking)) is None


def test_without_the_setting_there_is_no_postal_address() -> None:
    assert find("postal_address", sources(settings=Settings())) is None


@pytest.mark.parametrize("each", SEQUENCES, ids=lambda each: each.name)
def test_each_sequence_says_why_one_gets_its_emails(each: Sequence) -> None:
    assert find("mail_reason", sources(each.name)) == (each.mail_reason, "payload")
    assert each.mail_reason.startswith("You get this e-mail because ")
    assert each.mail_reason.endswith(".")
    assert len({other.mail_reason for other in SEQUENCES}) == len(SEQUENCES)
