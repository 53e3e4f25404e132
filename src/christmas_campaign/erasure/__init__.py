"""Decisions about which data belongs to a contact."""
