"""What a sequence is: its e-mails, its webhook, the fields of its payload, and what it says and ends.

Each sequence is one value of ``Sequence`` in a file of its own beside this one; ``registry`` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from christmas_campaign.campaign import facts, notion_names
from christmas_campaign.campaign.outcomes import Reason
from christmas_campaign.campaign.settings import Settings
from christmas_campaign.sequences import field_types
from christmas_campaign.sequences.field_types import Kind, Plain


class UnknownEmail(LookupError):
    """The sequence has no e-mail of this number that this system sends."""


class Email(NamedTuple):
    """One e-mail of a sequence: its number, its delay after the anchor (negative: it goes out before that), and the name of its
    template in Notion."""

    number: int
    delay: timedelta
    template: str


class Field(NamedTuple):
    """One field of a payload: its name, its kind, whether it must be there, and the value that counts when it is not.

    ``property`` is the property of the contact's page in Email Sequence that holds it, ``property_type`` the type of that
    property in Notion. ``only_true`` is the reason why a value other than true is refused (``None``: any value is taken).
    ``note`` is one more sentence for the people who write a sender.
    """

    name: str
    kind: Kind
    required: bool = False
    default: Plain | None = None
    property: str | None = None
    property_type: str = "rich_text"
    only_true: str | None = None
    note: str | None = None


BUSINESS_NAME = Field("business_name", field_types.text, required=True, property=notion_names.PAGE_BUSINESS_NAME)
BUSINESS_NAME_OR_UNNAMED = BUSINESS_NAME._replace(required=False, default=facts.UNNAMED["business_name"])

#: The fields that every payload begins with.
CONTACT_FIELDS = (
    Field("email", field_types.email, required=True, property=notion_names.PAGE_EMAIL, property_type="email"),
    Field("first_name", field_types.text, required=True, property=notion_names.PAGE_FIRST_NAME),
)


class SignatureForm(StrEnum):
    """A provider's own form of signature, which ``door.http.signatures`` checks. Every sender may use Standard Webhooks."""

    CALENDLY = "calendly"
    CAL_COM = "cal_com"
    DOCUSIGN = "docusign"
    SVIX = "svix"
    """The form of Resend."""


class PayloadForm(StrEnum):
    """A provider's own form of payload, which ``events.provider_payloads`` reads. The value names its schema in the OpenAPI
    document."""

    CALENDLY_NO_SHOW = "calendly"
    CALENDLY_BOOKING = "calendly_booking"
    CAL_COM_BOOKING = "cal_com_booking"
    CAL_COM_OLD_BOOKING = "cal_com_old_booking"
    DOCUSIGN_ENVELOPE = "docusign"


class Skip(NamedTuple):
    """Why a payload that is right may start nothing: for ``reason``, when ``applies`` to its fields (without defaults)."""

    reason: Reason
    applies: Callable[[Mapping[str, Plain]], bool]


class Sequence(NamedTuple):
    """One sequence.

    ``handler`` is the flow whose webhook starts it; ``template_type`` the select of that name on the contact's page in Email
    Sequence; ``answers_as`` the campaign that callers of the webhook read; ``mail_reason`` the sentence in the footer that says
    why somebody gets these e-mails.

    Its e-mails: ``emails``; ``only_what_fits`` whether an e-mail whose time is past when it is planned is left out, and not
    sent at once; ``anchor_field`` the payload field that may move the anchor from which the delays count (else the arrival of
    the webhook), and ``anchor_ahead`` how far ahead that may lie; ``defaults`` the values of placeholders that have no other
    source.

    Its webhook: ``fields`` of the payload, unknown ones are ignored; ``path`` and ``old_path`` at the door (``None``: only
    Kestra's own address); ``signing`` the setting with the secrets that its senders sign with (``None``: nobody signs);
    ``signature_forms`` and ``payload_forms`` of providers; ``echoed`` the fields that the answer repeats besides the address;
    ``skip`` why a payload that is right may start nothing.

    Its event: ``duplicate`` is why a second enrolment for the same event is skipped; ``event_field`` the payload field that
    tells one event from another (``None``: a contact enters once in a campaign), and ``event_is_time`` whether it is a time,
    which is the same however it was written; ``event_time_field`` a time that has to be the same besides (a call that moves is
    another event).

    Its enrolment: ``adopts`` whether a page of the same event without a template type is this sequence's: the website or the
    old system made it, and no system has enrolled it; ``needs_contact`` whether nothing is sent to somebody who is not in
    BusinessX; ``contact_properties`` what the event says of the contact, as properties of the page in BusinessX;
    ``makes_portal`` whether the customer gets a portal; ``is_assessment`` whether the payload is the contact's assessment: it
    gives the segment, and the templates of the other sequences may name its fields.

    Its end: ``ended_by`` are the reasons that end it, besides those that end every sequence; ``stops_for`` is the reason for
    which its enrolment stops the contact (``None``: it stops nothing).
    """

    name: str
    handler: str
    template_type: str
    answers_as: str
    mail_reason: str
    emails: tuple[Email, ...]
    fields: tuple[Field, ...]
    duplicate: Reason
    event_field: str | None
    event_is_time: bool = False
    event_time_field: str | None = None
    anchor_field: str | None = None
    # The website has sent its e-mail when it calls; a time far ahead is a mistake that would send everything months late.
    anchor_ahead: timedelta = timedelta(days=31)
    only_what_fits: bool = False
    defaults: Mapping[str, Plain] = {}
    path: str | None = None
    old_path: str | None = None
    signing: str | None = None
    signature_forms: tuple[SignatureForm, ...] = ()
    payload_forms: tuple[PayloadForm, ...] = ()
    echoed: tuple[str, ...] = ()
    skip: Skip | None = None
    adopts: bool = False
    needs_contact: bool = True
    contact_properties: Mapping[str, str] = {}
    makes_portal: bool = False
    is_assessment: bool = False
    ended_by: tuple[Reason, ...] = (Reason.BOUGHT,)
    stops_for: Reason | None = None

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

    def field(self, name: str) -> Field:
        """Return the field of this name; raises ``LookupError``."""
        for field in self.fields:
            if field.name == name:
                return field
        raise LookupError(f"the sequence {self.name} has no field {name!r}")

    def email(self, number: int) -> Email:
        """Return the e-mail of this number; raises ``UnknownEmail`` when this system sends none."""
        for email in self.emails:
            if email.number == number:
                return email
        raise UnknownEmail(f"the sequence {self.name} has no e-mail {number}")
