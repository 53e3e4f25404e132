from __future__ import annotations

from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Outcome, Reason


def test_the_closed_list_of_outcomes() -> None:
    assert {outcome.value for outcome in Outcome} == {
        "accepted",
        "rejected",
        "enrolled",
        "sending",
        "sent",
        "skipped",
        "deferred",
        "reported",
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


#: Nobody has to do anything about these: the sender was told, or nothing was to be done, or it passes.
NOTHING_TO_DO = {
    "invalid_payload",
    "already_in_sequence",
    "duplicate_noshow_sequence",
    "duplicate_postcall_sequence",
    "duplicate_onboarding_sequence",
    "duplicate_precall_sequence",
    "nothing_left_to_send",
    "not_a_maybe",
    "earlier_email_unsettled",
    "too_soon",
    "paused",
    "not_ours",
    "not_of_interest",
    "analytics_page_missing",
    "already_sent",
    "page_archived",
    "unsubscribed",
    "complained",
    "bounced",
    "stopped_by_person",
    "bought",
    "booked",
    "call_moved",
    "call_cancelled",
    "expired",
    "email_withdrawn",
}

#: A person has to look.
TO_DO = {
    "contact_not_found",
    "enrolment_unknown",
    "page_missing",
    "template_missing",
    "template_ambiguous",
    "template_empty",
    "template_malformed",
    "template_without_footer",
    "value_missing",
    "setting_missing",
    "refused_by_resend",
    "send_in_progress",
    "stops_changed",
    "resend_unreachable",
    "notion_unreachable",
    "send_unknown",
    "step_failed",
}


def test_every_reason_that_waits_for_a_person_says_what_to_do_and_no_other() -> None:
    assert {reason.value for reason in WHAT_TO_DO} == TO_DO
    assert {reason.value for reason in Reason} - TO_DO == NOTHING_TO_DO


def test_what_to_do_is_one_line_of_sentences_and_ends_with_the_command_that_sends_what_was_mended() -> None:
    for reason, said in WHAT_TO_DO.items():
        assert said[0].isupper()
        assert "\n" not in said
        assert "  " not in said
        # What is not known any more cannot be replayed; what Resend may have is replayed by somebody who has looked.
        ending = {
            Reason.ENROLMENT_UNKNOWN: "was due.",
            Reason.SEND_UNKNOWN: "Then, either way, `christmas replay --not-sent`.",
        }.get(reason, ", then `christmas replay`." if reason is Reason.STEP_FAILED else "; then `christmas replay`.")
        assert said.endswith(ending)
