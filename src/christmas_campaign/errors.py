"""The error that ends a command with one sentence."""

from __future__ import annotations


class CommandError(Exception):
    """A problem that the owner can correct. The message is one sentence that says how."""
