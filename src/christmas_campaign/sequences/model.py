"""The sequences, as data: which e-mails, after how long, from which template.

A delay or a template name stands here and nowhere else. Delays count from the anchor: for ``signup`` the moment at which the
website sent the first e-mail, for ``precall`` that of the call, for the others the arrival of the webhook.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from christmas_campaign.campaign import facts
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.settings import Settings


class UnknownSequence(LookupError):
    """There is no sequence of this name."""


class UnknownEmail(LookupError):
    """The sequence has no e-mail of this number that this system sends."""


class Email(NamedTuple):
    """One e-mail of a sequence: its number, its delay after the anchor (negative: it goes out before that), and the name of its
    template in Notion."""

    number: int
    delay: timedelta
    template: str


class Sequence(NamedTuple):
    """One sequence.

    ``handler`` is the flow whose webhook starts it; ``template_type`` the select of that name on the contact's page in Email
    Sequence; ``answers_as`` the campaign that callers of the webhook read; ``mail_reason`` the sentence in the footer that says
    why somebody gets these e-mails; ``duplicate`` why a second enrolment for the same event is skipped; ``event_field`` the
    payload field that tells one event from another (``None``: a contact enters once in a campaign), and ``event_is_time``
    whether it is a time, which is the same however it was written; ``event_time_field`` a time that has to be the same besides
    (a call that moves is another event); ``anchor_field`` the payload field that may move the anchor; ``anchor_ahead`` how far
    ahead that may lie; ``only_what_fits`` whether an e-mail whose time is past when it is planned is left out, and not sent at
    once; ``adopts`` whether a page of the same event without a template type is this sequence's: the website or the old
    system made it, and no system has enrolled it;
    ``needs_contact`` whether nothing is sent to somebody who is not in BusinessX.
    """

    name: str
    handler: str
    template_type: str
    answers_as: str
    mail_reason: str
    emails: tuple[Email, ...]
    duplicate: Reason
    event_field: str | None
    event_is_time: bool = False
    event_time_field: str | None = None
    anchor_field: str | None = None
    # The website has sent its e-mail when it calls; a time far ahead is a mistake that would send everything months late.
    anchor_ahead: timedelta = timedelta(days=31)
    only_what_fits: bool = False
    adopts: bool = False
    needs_contact: bool = True

    @property
    def webhook_key(self) -> str:
        """The name of the secret that is the last part of the webhook's address."""
        return f"WEBHOOK_KEY_{self.name.upper()}"

    @property
    def last(self) -> int:
        """The number of the last e-mail."""
        return max(email.number for email in self.emails)

    def delays(self, settings: Settings) -> dict[int, timedelta]:
        """Return the delay of each e-mail after the anchor, by number, as long as the settings make it."""
        if settings.testing_mode:
            return {email.number: facts.TESTING_UNIT * (place + 1) for place, email in enumerate(self.emails)}
        return {email.number: email.delay / settings.time_scale for email in self.emails}

    def email(self, number: int) -> Email:
        """Return the e-mail of this number; raises ``UnknownEmail`` when this system sends none."""
        for email in self.emails:
            if email.number == number:
                return email
        raise UnknownEmail(f"the sequence {self.name} has no e-mail {number}")


SEQUENCES: tuple[Sequence, ...] = (
    Sequence(
        name="signup",
        handler="signup-handler",
        template_type="5-Day Sequence",
        answers_as=facts.NAME,
        mail_reason="You get this e-mail because you took the free BusOS assessment with this address.",
        # The website itself sends E1, from the template "5-Day E1", before it calls the webhook.
        emails=(
            Email(2, timedelta(hours=24), "5-Day E2"),
            Email(3, timedelta(hours=72), "5-Day E3"),
            Email(4, timedelta(hours=96), "5-Day E4"),
            Email(5, timedelta(hours=120), "5-Day E5"),
        ),
        duplicate=Reason.ALREADY_IN_SEQUENCE,
        event_field=None,
        anchor_field="email_1_sent_at",
        adopts=True,
        needs_contact=False,
    ),
    Sequence(
        name="noshow",
        handler="noshow-recovery-handler",
        template_type="No-Show Recovery",
        answers_as=facts.SERVICE_NAME,
        mail_reason="You get this e-mail because you booked a call with us with this address, and we did not meet.",
        emails=(
            Email(1, timedelta(minutes=5), "noshow_recovery_email_1"),
            Email(2, timedelta(hours=24), "noshow_recovery_email_2"),
            Email(3, timedelta(hours=48), "noshow_recovery_email_3"),
        ),
        duplicate=Reason.DUPLICATE_NOSHOW,
        event_field="calendly_event_uri",
        adopts=True,
    ),
    Sequence(
        name="postcall",
        handler="postcall-maybe-handler",
        template_type="Post-Call Follow-Up",
        answers_as=facts.SERVICE_NAME,
        mail_reason="You get this e-mail because you had a call with us, booked with this address.",
        emails=(
            Email(1, timedelta(hours=1), "postcall_maybe_email_1"),
            Email(2, timedelta(hours=72), "postcall_maybe_email_2"),
            Email(3, timedelta(hours=168), "postcall_maybe_email_3"),
        ),
        duplicate=Reason.DUPLICATE_POSTCALL,
        event_field="call_date",
        event_is_time=True,
        adopts=True,
    ),
    Sequence(
        name="onboarding",
        handler="onboarding-handler",
        template_type="Onboarding",
        answers_as=facts.SERVICE_NAME,
        mail_reason="You get this e-mail because you are a client of ours, with this address.",
        emails=(
            Email(1, timedelta(hours=1), "onboarding_phase1_email_1"),
            Email(2, timedelta(hours=24), "onboarding_phase1_email_2"),
            Email(3, timedelta(hours=72), "onboarding_phase1_email_3"),
        ),
        duplicate=Reason.DUPLICATE_ONBOARDING,
        event_field="payment_date",
        event_is_time=True,
        adopts=True,
    ),
    Sequence(
        name="precall",
        handler="booking-handler",
        template_type="Pre-Call Prep",
        answers_as=facts.SERVICE_NAME,
        mail_reason="You get this e-mail because you booked a call with us with this address.",
        emails=(
            Email(1, timedelta(hours=-72), "precall_email_1"),
            Email(2, timedelta(hours=-24), "precall_email_2"),
            Email(3, timedelta(hours=-2), "precall_email_3"),
        ),
        duplicate=Reason.DUPLICATE_PRECALL,
        event_field="booking_uri",
        event_time_field="scheduled_time",
        anchor_field="scheduled_time",
        anchor_ahead=timedelta(days=366),
        only_what_fits=True,
    ),
)


def sequence(name: str) -> Sequence:
    """Return the sequence of this name; raises ``UnknownSequence``."""
    for found in SEQUENCES:
        if found.name == name:
            return found
    raise UnknownSequence(f"there is no sequence {name!r}")


def has_sequence(name: str) -> bool:
    """Return whether this release has the sequence ``name``."""
    return any(found.name == name for found in SEQUENCES)


def has_email(name: str, number: int) -> bool:
    """Return whether this release has the sequence ``name`` with an e-mail ``number``."""
    return any(found.name == name and email.number == number for found in SEQUENCES for email in found.emails)
