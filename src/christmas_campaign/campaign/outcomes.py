"""How things end: the closed lists of outcomes and reasons that executions carry as labels and analytics pages as text."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a webhook, an enrolment or an e-mail: the label ``outcome``."""

    ACCEPTED = "accepted"
    """The payload was right; the enrolment has been started."""
    REJECTED = "rejected"
    """The payload was wrong; its sender was told why."""
    ENROLLED = "enrolled"
    """The contact's page is written and its e-mails are scheduled."""
    SENDING = "sending"
    """In the ledger alone: the e-mail is about to be handed to Resend, or was, and what became of it is not known yet."""
    SENT = "sent"
    """Resend has taken the e-mail."""
    SKIPPED = "skipped"
    """Nothing was to be done; the reason says why."""
    DEFERRED = "deferred"
    """Not yet: the e-mail before this one is not settled, or too near, or somebody could not be reached. It is tried again."""
    REPORTED = "reported"
    """What Resend said of an e-mail is written down."""
    FAILED = "failed"
    """A person has to look; the reason says at what."""


class Reason(StrEnum):
    """Why something was skipped, put off, refused or has failed: the label ``reason``."""

    INVALID_PAYLOAD = "invalid_payload"
    ALREADY_IN_SEQUENCE = "already_in_sequence"
    DUPLICATE_NOSHOW = "duplicate_noshow_sequence"
    DUPLICATE_POSTCALL = "duplicate_postcall_sequence"
    DUPLICATE_ONBOARDING = "duplicate_onboarding_sequence"
    DUPLICATE_PRECALL = "duplicate_precall_sequence"
    NOTHING_LEFT_TO_SEND = "nothing_left_to_send"
    NOT_A_MAYBE = "not_a_maybe"
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
    NOTION_UNREACHABLE = "notion_unreachable"
    SEND_UNKNOWN = "send_unknown"
    STEP_FAILED = "step_failed"


_REPLAY = "then `christmas replay`."

#: What a person does about each reason that waits for one.
WHAT_TO_DO: dict[Reason, str] = {
    Reason.CONTACT_NOT_FOUND: f"Add the contact to BusinessX, with this address; {_REPLAY}",
    Reason.ENROLMENT_UNKNOWN: "Have the event posted again: what it said is kept for 30 days after the last e-mail was due.",
    Reason.PAGE_MISSING: f"Restore the page in Email Sequence, or share it with the integration; {_REPLAY}",
    Reason.TEMPLATE_MISSING: f"Make the template in Email Templates, or set its Status to Active; {_REPLAY}",
    Reason.TEMPLATE_AMBIGUOUS: f"Leave one active template of this name; {_REPLAY}",
    Reason.TEMPLATE_EMPTY: f"Fill in the template's subject and HTML body; {_REPLAY}",
    Reason.TEMPLATE_MALFORMED: f"Mend the template's placeholders (`christmas templates check` names them); {_REPLAY}",
    Reason.TEMPLATE_WITHOUT_FOOTER: "Put the footer of content/layout.html and layout.txt into the template"
    f" (`christmas templates push`, or by hand); {_REPLAY}",
    Reason.VALUE_MISSING: "Give the value with `christmas replay ID --variable name=value`. Or post the event again with it in"
    f" `variables`, fill in the contact's page in BusinessX, or put a `|…` into the template; {_REPLAY}",
    Reason.SETTING_MISSING: f"Set what is missing, and start the engine again; {_REPLAY}",
    Reason.REFUSED_BY_RESEND: f"Mend what Resend refuses (its dashboard has the call); {_REPLAY}",
    Reason.RESEND_UNREACHABLE: f"See whether Resend works again, and whether the key is right; {_REPLAY}",
    Reason.NOTION_UNREACHABLE: f"See whether Notion works again, and whether the token is right; {_REPLAY}",
    Reason.SEND_IN_PROGRESS: f"Look in Resend for this e-mail: it has been busy with it for a day; {_REPLAY}",
    Reason.STOPS_CHANGED: f"See what changes the contact's stops all the time (`christmas stopped`); {_REPLAY}",
    Reason.SEND_UNKNOWN: "Look in Resend for this e-mail. If it is there, set its date on the contact's page: what has a date"
    " is not sent again. Then, either way, `christmas replay --not-sent`.",
    Reason.STEP_FAILED: f"The execution's log says which task failed, and why; mend it, {_REPLAY}",
}


class Kind(StrEnum):
    """What may be reported, the weakest first: of several the strongest is shown."""

    DELAYED = "delayed"
    DELIVERED = "delivered"
    OPENED = "opened"
    CLICKED = "clicked"
    FAILED = "failed"
    SOFT_BOUNCED = "soft_bounced"
    """Refused for now: a full mailbox, a server that is away."""
    BOUNCED = "bounced"
    """Refused for good, by the receiver or by Resend's own list of those who did before."""
    COMPLAINED = "complained"

    @property
    def status(self) -> str:
        """What people are shown: a bounce is a bounce, and beside it stands of which type."""
        return Kind.BOUNCED.value if self is Kind.SOFT_BOUNCED else self.value
