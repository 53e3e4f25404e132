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
    SENT = "sent"
    """Resend has taken the e-mail."""
    SKIPPED = "skipped"
    """Nothing was to be done; the reason says why."""
    DEFERRED = "deferred"
    """Not yet: the e-mail before this one is not settled, or too near. It was scheduled again."""
    FAILED = "failed"
    """A person has to look; the reason says at what."""


class Reason(StrEnum):
    """Why something was skipped, put off, refused or has failed: the label ``reason``."""

    INVALID_PAYLOAD = "invalid_payload"
    ALREADY_IN_SEQUENCE = "already_in_sequence"
    DUPLICATE_NOSHOW = "duplicate_noshow_sequence"
    DUPLICATE_POSTCALL = "duplicate_postcall_sequence"
    DUPLICATE_ONBOARDING = "duplicate_onboarding_sequence"
    NOTHING_LEFT_TO_SEND = "nothing_left_to_send"
    NOT_A_MAYBE = "not_a_maybe"
    CONTACT_NOT_FOUND = "contact_not_found"

    EARLIER_EMAIL_UNSETTLED = "earlier_email_unsettled"
    TOO_SOON = "too_soon"
    SEND_IN_PROGRESS = "send_in_progress"

    ALREADY_SENT = "already_sent"
    PAGE_ARCHIVED = "page_archived"

    ENROLMENT_UNKNOWN = "enrolment_unknown"
    PAGE_MISSING = "page_missing"
    TEMPLATE_MISSING = "template_missing"
    TEMPLATE_AMBIGUOUS = "template_ambiguous"
    TEMPLATE_EMPTY = "template_empty"
    TEMPLATE_MALFORMED = "template_malformed"
    VALUE_MISSING = "value_missing"
    SETTING_MISSING = "setting_missing"
    REFUSED_BY_RESEND = "refused_by_resend"
    RESEND_UNREACHABLE = "resend_unreachable"
    REFUSED_BY_NOTION = "refused_by_notion"
    STEP_FAILED = "step_failed"
