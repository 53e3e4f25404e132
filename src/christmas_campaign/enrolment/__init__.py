"""Enrolment: from an event to the contact's page in Notion and the due times of the e-mails."""
