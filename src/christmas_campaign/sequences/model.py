"""The type of a sequence: its e-mails, its webhook and payload, its pages in Notion, and the stops that end it.

Each sequence is a value of ``Sequence`` in its own file in this folder. ``registry`` lists them.
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
    """This release does not send an e-mail of this number in the sequence."""


class Email(NamedTuple):
    """One e-mail of a sequence: its number, its delay after the anchor, and the name of its template in Notion.

    A negative delay is before the anchor.
    """

    number: int
    delay: timedelta
    template: str


class Field(NamedTuple):
    """One field of a payload: its name, its kind, whether it is required, and its default if it is absent.

    - ``property``: the property of the contact's page in Email Sequence for it. ``property_type``: that property's type in
      Notion.
    - ``only_true``: the reason why ``False`` is rejected; ``None`` if it is accepted.
    - ``note``: a sentence about the field in the OpenAPI document.
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

#: The zone in which e-mails show the times of the payload. A name that is no zone does not count.
TIME_ZONE = Field(
    "time_zone",
    field_types.text,
    note="The contact's own, as in America/Toronto. E-mails show the time of the call in it.",
)

#: The first fields of every payload.
CONTACT_FIELDS = (
    Field("email", field_types.email, required=True, property=notion_names.PAGE_EMAIL, property_type="email"),
    Field("first_name", field_types.text, required=True, property=notion_names.PAGE_FIRST_NAME),
)


class SignatureForm(StrEnum):
    """A provider's form of signature: see ``door.http.signatures``. Every sender may use Standard Webhooks instead."""

    CALENDLY = "calendly"
    CAL_COM = "cal_com"
    DOCUSIGN = "docusign"
    SVIX = "svix"
    """Resend's form."""


class PayloadForm(StrEnum):
    """A provider's form of payload: see ``events.provider_payloads``. The value is the name of its schema in OpenAPI."""

    CALENDLY_NO_SHOW = "calendly"
    CALENDLY_BOOKING = "calendly_booking"
    CAL_COM_BOOKING = "cal_com_booking"
    CAL_COM_OLD_BOOKING = "cal_com_old_booking"
    DOCUSIGN_ENVELOPE = "docusign"


class Skip(NamedTuple):
    """When a valid payload starts nothing: ``applies`` decides by its fields (without defaults); ``reason`` says why."""

    reason: Reason
    applies: Callable[[Mapping[str, Plain]], bool]


class Sequence(NamedTuple):
    """One sequence.

    General:

    - ``handler``: the flow whose webhook starts it.
    - ``template_type``: the value of ``Template Type`` on the contact's page in Email Sequence.
    - ``answers_as``: the name of the campaign in the webhook's response.
    - ``mail_reason``: the sentence in the footer that says why the contact gets these e-mails.

    E-mails:

    - ``emails``: the e-mails, by number.
    - ``only_what_fits``: whether an e-mail that is overdue when it is planned is omitted instead of sent at once.
    - ``anchor_field``: the payload field with the anchor of the delays. Without it they count from the webhook's arrival.
    - ``anchor_ahead``: how far ahead the anchor may be.
    - ``defaults``: the values of placeholders that have no other source.

    Webhook:

    - ``fields``: the fields of the payload; others are ignored.
    - ``path``, ``old_path``: the paths at the door; ``None`` if there is only Kestra's URL.
    - ``signing``: the setting with the secrets of the signatures; ``None`` if payloads are not signed.
    - ``signature_forms``, ``payload_forms``: the providers' forms that are accepted.
    - ``echoed``: the fields that the response repeats, besides the address.
    - ``skip``: when a valid payload starts nothing.

    Event:

    - ``duplicate``: the reason for skipping a second enrolment for the same event.
    - ``event_field``: the payload field that tells events apart; ``None`` if a contact enters once a campaign.
    - ``event_is_time``: whether that field is a time. Two spellings of one time are the same event.
    - ``event_time_field``: a time that is part of the event too: a call that moves is another event.
    - ``only_ends``: the values of the field ``status_field`` of events that only end e-mails and start none.

    Enrolment:

    - ``adopts``: whether the sequence adopts a page of the event without a template type. The website or the old system
      created it, and no system has enrolled it.
    - ``needs_contact``: whether only contacts in BusinessX get e-mails.
    - ``contact_properties``: the values that the event sets on the contact's page in BusinessX, by property name.
    - ``makes_portal``: whether the customer gets a portal.
    - ``is_assessment``: whether the payload is the contact's assessment. It decides the segment, and templates of other
      sequences may use its fields.

    End:

    - ``ended_by``: the stop reasons that end it, besides those that end every sequence.
    - ``stops_for``: the reason of the stop that its enrolment writes for the contact; ``None`` if it writes none.
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
    status_field: str = "status"
    only_ends: tuple[str, ...] = ()
    anchor_field: str | None = None
    # A signup's anchor is when the website sent E1, so it is past. A time far ahead is a mistake that would delay everything.
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
        """The name of the secret at the end of the webhook's URL in Kestra."""
        return f"WEBHOOK_KEY_{self.name.upper()}"

    @property
    def last(self) -> int:
        """The number of the last e-mail."""
        return max(email.number for email in self.emails)

    def delays(self, settings: Settings) -> dict[int, timedelta]:
        """Return the delay of each e-mail after the anchor, by number, with the settings' testing mode and time scale."""
        if settings.testing_mode:
            return {email.number: facts.TESTING_UNIT * (place + 1) for place, email in enumerate(self.emails)}
        return {email.number: email.delay / settings.time_scale for email in self.emails}

    @property
    def is_about_a_call(self) -> bool:
        """Whether the event is about a call that a calendar has booked, which has an event type."""
        return any(field.name == "event_type" for field in self.fields)

    def field(self, name: str) -> Field:
        """Return the field of this name; raises ``LookupError`` if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise LookupError(f"the sequence {self.name} has no field {name!r}")

    def email(self, number: int) -> Email:
        """Return the e-mail of this number; raises ``UnknownEmail`` if there is none."""
        for email in self.emails:
            if email.number == number:
                return email
        raise UnknownEmail(f"the sequence {self.name} has no e-mail {number}")
