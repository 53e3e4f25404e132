"""From an event to the contact's page and the dates of the e-mails."""
