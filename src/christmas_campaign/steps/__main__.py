"""``python -m christmas_campaign.steps <step>``: run one step as a Kestra task."""

from __future__ import annotations

import sys
from importlib import import_module

from christmas_campaign import steps

NAMES = (
    "intake",
    "sources",
    "plan",
    "gate",
    "compose",
    "settle",
    "template_query",
    "judge_template",
    "prepare_email",
    "settle_email",
    "settle_enrolment",
    "find_databases",
    "stop",
    "mark",
    "unsubscribe",
    "resend",
    "report",
    "conclude",
    "booking",
    "booked",
)


def main(arguments: list[str]) -> int:
    """Run the step that ``arguments`` name. Return the exit code."""
    if len(arguments) != 1 or arguments[0] not in NAMES:
        print(f"usage: python -m christmas_campaign.steps {{{','.join(NAMES)}}}", file=sys.stderr)
        return 2
    # Only the step that runs is imported, because importing takes most of its time.
    return steps.run(import_module(f"christmas_campaign.steps.{arguments[0]}").step)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
