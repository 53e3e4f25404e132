"""The error that ends a command with one plain sentence."""

from __future__ import annotations


class CommandError(Exception):
    """Something that the person at the keyboard can mend; the message is one plain sentence that says how."""
