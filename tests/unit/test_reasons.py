from __future__ import annotations

from christmas_campaign.reasons import Outcome, Reason


def test_the_closed_list_of_outcomes() -> None:
    assert {outcome.value for outcome in Outcome} >= {
        "accepted",
        "rejected",
        "enrolled",
        "sent",
        "skipped",
        "deferred",
        "failed",
    }


def test_the_reasons_that_callers_and_people_read_are_spelt_as_the_contract_says() -> None:
    assert Reason.ALREADY_IN_SEQUENCE.value == "already_in_sequence"
    assert Reason.DUPLICATE_NOSHOW.value == "duplicate_noshow_sequence"
    assert Reason.DUPLICATE_POSTCALL.value == "duplicate_postcall_sequence"
    assert Reason.DUPLICATE_ONBOARDING.value == "duplicate_onboarding_sequence"
    assert Reason.NOT_A_MAYBE.value == "not_a_maybe"


def test_a_reason_is_fit_for_a_label() -> None:
    for word in (*Outcome, *Reason):
        assert word.value.replace("_", "").isalpha()
        assert word.value == word.value.lower()
