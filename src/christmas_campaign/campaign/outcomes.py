"""The closed lists of outcomes and reasons. They are labels of executions and text on analytics pages."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How a webhook call, an enrolment or an e-mail ended: the label ``outcome``."""

    ACCEPTED = "accepted"
    """The payload is valid, and its enrolment has started."""
    REJECTED = "rejected"
    """The payload is invalid. The response says why."""
    ENROLLED = "enrolled"
    """The contact's page is saved and the e-mails are scheduled."""
    SENDING = "sending"
    """Only in the ledger: the e-mail is claimed, and the result of the request to Resend is not known yet."""
    SENT = "sent"
    """Resend has accepted the e-mail."""
    SKIPPED = "skipped"
    """There was nothing to do. The reason says why."""
    DEFERRED = "deferred"
    """Not yet, but there will be another try: the previous e-mail is not settled or too recent, or a provider is down."""
    REPORTED = "reported"
    """A delivery report of Resend is recorded."""
    FAILED = "failed"
    """The owner must act. The reason says what to look at."""


class Reason(StrEnum):
    """Why something was skipped, deferred, rejected or failed: the label ``reason``."""

    INVALID_PAYLOAD = "invalid_payload"
    ALREADY_IN_SEQUENCE = "already_in_sequence"
    DUPLICATE_NOSHOW = "duplicate_noshow_sequence"
    DUPLICATE_POSTCALL = "duplicate_postcall_sequence"
    DUPLICATE_ONBOARDING = "duplicate_onboarding_sequence"
    DUPLICATE_PRECALL = "duplicate_precall_sequence"
    NOTHING_LEFT_TO_SEND = "nothing_left_to_send"
    NOT_A_MAYBE = "not_a_maybe"
    OTHER_CALL = "other_call"
    OTHER_SIGNER = "other_signer"
    CONTACT_NOT_FOUND = "contact_not_found"

    EARLIER_EMAIL_UNSETTLED = "earlier_email_unsettled"
    TOO_SOON = "too_soon"
    SEND_IN_PROGRESS = "send_in_progress"
    STOPS_CHANGED = "stops_changed"
    PAUSED = "paused"

    NOT_OURS = "not_ours"
    NOT_OF_INTEREST = "not_of_interest"
    ANALYTICS_PAGE_MISSING = "analytics_page_missing"

    ALREADY_SENT = "already_sent"
    PAGE_ARCHIVED = "page_archived"

    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    STOPPED_BY_PERSON = "stopped_by_person"
    BOUGHT = "bought"
    BOOKED = "booked"
    CALL_MOVED = "call_moved"
    CALL_CANCELLED = "call_cancelled"
    NOSHOW_WITHDRAWN = "noshow_withdrawn"
    EXPIRED = "expired"
    EMAIL_WITHDRAWN = "email_withdrawn"

    ENROLMENT_UNKNOWN = "enrolment_unknown"
    PAGE_MISSING = "page_missing"
    TEMPLATE_MISSING = "template_missing"
    TEMPLATE_AMBIGUOUS = "template_ambiguous"
    TEMPLATE_EMPTY = "template_empty"
    TEMPLATE_MALFORMED = "template_malformed"
    TEMPLATE_WITHOUT_FOOTER = "template_without_footer"
    VALUE_MISSING = "value_missing"
    SETTING_MISSING = "setting_missing"
    REFUSED_BY_RESEND = "refused_by_resend"
    RESEND_UNREACHABLE = "resend_unreachable"
    RESEND_QUOTA = "resend_quota_exceeded"
    NOTION_UNREACHABLE = "notion_unreachable"
    SEND_UNKNOWN = "send_unknown"
    STEP_FAILED = "step_failed"


_REPLAY = "then `christmas replay`."

#: The owner's action for each reason that needs one.
WHAT_TO_DO: dict[Reason, str] = {
    Reason.CONTACT_NOT_FOUND: f"Add the contact to BusinessX, with this address; {_REPLAY}",
    Reason.ENROLMENT_UNKNOWN: "Have the event sent again. Kestra deletes an enrolment 30 days after its last e-mail was due.",
    Reason.PAGE_MISSING: f"Restore the page in Email Sequence, or share it with the integration; {_REPLAY}",
    Reason.TEMPLATE_MISSING: f"Create the template in Email Templates, or set its Status to Active; {_REPLAY}",
    Reason.TEMPLATE_AMBIGUOUS: f"Leave only one template of this name active; {_REPLAY}",
    Reason.TEMPLATE_EMPTY: f"Fill in the template's subject and HTML body; {_REPLAY}",
    Reason.TEMPLATE_MALFORMED: f"Correct the template's faults (`christmas templates check` lists them); {_REPLAY}",
    Reason.TEMPLATE_WITHOUT_FOOTER: "Add the footer of content/layout.html and layout.txt to the template"
    f" (`christmas templates push`, or by hand); {_REPLAY}",
    Reason.VALUE_MISSING: "Give the value with `christmas replay ID --variable name=value`. Or post the event again with it in"
    f" `variables`, fill in the contact's page in BusinessX, or add a fallback `|…` to the template; {_REPLAY}",
    Reason.SETTING_MISSING: f"Set the missing setting and restart the engine; {_REPLAY}",
    Reason.REFUSED_BY_RESEND: f"Correct what Resend refuses (its dashboard shows the request); {_REPLAY}",
    Reason.RESEND_UNREACHABLE: f"Check that Resend works again, and that the key is right; {_REPLAY}",
    Reason.RESEND_QUOTA: f"Choose a plan of Resend with a larger quota, or wait until the quota begins anew; {_REPLAY}",
    Reason.NOTION_UNREACHABLE: f"Check that Notion works again, and that the token is right; {_REPLAY}",
    Reason.SEND_IN_PROGRESS: f"Look for this e-mail in Resend, which has been busy with it for a day; {_REPLAY}",
    Reason.STOPS_CHANGED: f"Find out what keeps changing the contact's stops (`christmas stopped`); {_REPLAY}",
    Reason.SEND_UNKNOWN: "Look for this e-mail in Resend. If it is there, set its date on the contact's page: an e-mail with a"
    " date is not sent again. Then, either way, `christmas replay --not-sent`.",
    Reason.STEP_FAILED: f"Read in the execution's log which task failed and why; correct the cause, {_REPLAY}",
}


class Kind(StrEnum):
    """The kinds of delivery reports, the weakest first. The analytics page shows the strongest."""

    DELAYED = "delayed"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    FAILED = "failed"
    SOFT_BOUNCED = "soft_bounced"
    """Refused for now, because the mailbox is full or the server is down."""
    BOUNCED = "bounced"
    """Refused for good, by the recipient's server or by Resend's suppression list."""
    COMPLAINED = "complained"

    @property
    def status(self) -> str:
        """The status that people read. Soft and hard bounces share one; the detail tells them apart."""
        return Kind.BOUNCED.value if self is Kind.SOFT_BOUNCED else self.value
