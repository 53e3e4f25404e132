from __future__ import annotations

from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Outcome, Reason


def test_outcomes_are_a_closed_list() -> None:
    outcomes = "accepted, rejected, enrolled, sending, sent, skipped, deferred, reported, failed"
    assert ", ".join(Outcome) == outcomes


#: The reasons that need an action of the owner.
NEED_ACTION = """
contact_not_found enrolment_unknown page_missing template_missing template_ambiguous template_empty template_malformed
template_without_footer value_missing setting_missing refused_by_resend send_in_progress stops_changed resend_unreachable
resend_quota_exceeded
notion_unreachable send_unknown step_failed
"""

#: The other reasons: the sender was informed, there is nothing to do, or there will be another try.
NEED_NO_ACTION = """
invalid_payload already_in_sequence duplicate_noshow_sequence duplicate_postcall_sequence duplicate_onboarding_sequence
duplicate_precall_sequence nothing_left_to_send not_a_maybe other_call other_signer
earlier_email_unsettled too_soon paused not_ours not_of_interest
analytics_page_missing already_sent page_archived unsubscribed complained bounced stopped_by_person bought booked call_moved
call_cancelled noshow_withdrawn expired email_withdrawn
"""


def test_reasons_are_a_closed_list_and_some_need_an_action() -> None:
    assert {reason.value for reason in WHAT_TO_DO} == set(NEED_ACTION.split())
    assert {reason.value for reason in Reason} == {*NEED_ACTION.split(), *NEED_NO_ACTION.split()}


def test_every_action_is_one_line_and_ends_with_the_replay() -> None:
    endings = {
        # A deleted enrolment cannot be replayed, and an e-mail that Resend may have only after a look at Resend.
        Reason.ENROLMENT_UNKNOWN: "was due.",
        Reason.SEND_UNKNOWN: "Then, either way, `christmas replay --not-sent`.",
        Reason.STEP_FAILED: ", then `christmas replay`.",
    }
    for reason, action in WHAT_TO_DO.items():
        assert action[0].isupper()
        assert "\n" not in action
        assert "  " not in action
        assert action.endswith(endings.get(reason, "; then `christmas replay`."))
