"""How the e-mails of a contact ended, and what stops them."""

from __future__ import annotations

from cli.operator import christmas_json

from christmas_campaign.clients.kestra import Execution
from christmas_campaign.local.stack import Stack


def became(executions: list[Execution]) -> list[tuple[int, str, str | None, str | None]]:
    """Return the e-mail's number, the state, the outcome and the reason of each execution, ordered by number."""
    results = [
        (run.inputs["number"], run.state, run.labels.get("outcome"), run.labels.get("reason")) for run in executions
    ]
    return sorted(results)


def stops_of(stack: Stack, email: str) -> list[tuple[str, str]]:
    """Return the reason and the source of each stop of a contact, as ``christmas stopped`` lists them."""
    contacts = christmas_json(stack, "stopped", email)
    return [(stop["reason"], stop["by"]) for contact in contacts for stop in contact["stops"]]
