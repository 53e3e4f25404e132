"""The names of Notion properties, and of select options that the code depends on. Each one is in this one place."""

from __future__ import annotations

# Contacts.
CONTACT_EMAIL = "email"
CONTACT_SCORE = "Assessment Score"
CONTACT_SEGMENT = "Segment"
CONTACT_STATUS = "Christmas Campaign Status"
CONTACT_PHASE = "Phase"
CONTACT_BOOKING = "Booking Status"
CONTACT_CALL = "Diagnostic Call Date"
PRE_CALL = "Pre-Call Prep"
NOT_BOOKED, BOOKED, NO_SHOW = "Not Booked", "Booked", "No-Show"

#: The number of Christmas e-mails that a contact's page has properties for.
CONTACT_EMAILS = 5

# Sequence pages.
PAGE_NAME = "Name"
PAGE_EMAIL = "Email"
PAGE_FIRST_NAME = "First Name"
PAGE_BUSINESS_NAME = "Business Name"
PAGE_TEMPLATE_TYPE = "Template Type"
PAGE_CAMPAIGN = "Campaign"
PAGE_SEGMENT = "Segment"
PAGE_SCORE = "Assessment Score"
PAGE_SIGNUP_DATE = "Signup Date"
PAGE_CREATED = "Sequence Created"
PAGE_ASSESSED = "Assessment Completed"
PAGE_COMPLETED = "Sequence Completed"
PAGE_STOPPED = "Stop Reason"

PAGE_RED = "Red Systems"
PAGE_ORANGE = "Orange Systems"
PAGE_YELLOW = "Yellow Systems"
PAGE_GREEN = "Green Systems"
PAGE_CALENDLY_EVENT = "Calendly Event URI"
PAGE_SCHEDULED_TIME = "Scheduled Time"
PAGE_EVENT_TYPE = "Event Type"
PAGE_CALL_DATE = "Call Date"
PAGE_CALL_OUTCOME = "Call Outcome"
PAGE_PRIORITY = "Follow-Up Priority"
PAGE_NOTES = "Call Notes"
PAGE_OBJECTIONS = "Objections"
PAGE_AMOUNT = "Payment Amount"
PAGE_PAYMENT_DATE = "Payment Date"
PAGE_START_DATE = "Start Date"
PAGE_PACKAGE = "Package Type"
PAGE_ADDRESS = "Salon Address"
PAGE_OBSERVATIONS = "Observation Dates"

#: The numbers of the e-mails that a sequence page has properties for.
PAGE_EMAILS = range(1, 8)

# Templates.
TEMPLATE_NAME = "Template Name"
TEMPLATE_SUBJECT = "Subject Line"
TEMPLATE_HTML = "Email Body HTML"
TEMPLATE_TEXT = "Email Body Plain Text"
TEMPLATE_STATUS = "Status"
TEMPLATE_ACTIVE = "Active"

# Analytics.
ANALYTICS_TITLE = "Name"
ANALYTICS_EMAIL = "Email"
ANALYTICS_TEMPLATE = "Template ID"
ANALYTICS_RESEND_ID = "Resend Email ID"
ANALYTICS_ERROR = "Error Message"
ANALYTICS_NUMBER = "Email Number"
ANALYTICS_STATUS = "Status"
ANALYTICS_DATE = "Sent Date"
ANALYTICS_CAMPAIGN = "Campaign"

# Customer projects.
PORTAL_NAME = "Name"
PORTAL_EMAIL = "Email"
PORTAL_BUSINESS_NAME = "Business Name"
PORTAL_CALL = "Diagnostic Call Date"
PORTAL_NEXT_STEPS = "Next Steps"
PORTAL_STATUS = "Status"
PORTAL_DELIVERED = "Portal Delivered"
PORTAL_CREATED = "Created Date"


def page_sent(number: int) -> str:
    """Return the name of the property that says when e-mail ``number`` was sent."""
    return f"Email {number} Sent"


def contact_sent(number: int) -> str:
    """Return the name of the property of a contact that says whether e-mail ``number`` of the campaign was sent."""
    return f"Christmas Email {number} Sent"


def contact_date(number: int) -> str:
    """Return the name of the property of a contact that says when e-mail ``number`` of the campaign was sent."""
    return f"Christmas Email {number} Date"
