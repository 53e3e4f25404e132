"""Decides what stops a contact's sequences: stop rules, bookings, unsubscribe calls, and the marks on Notion pages."""
