"""``python -m christmas_campaign.sandbox --data FILE --port N``: the sandbox as a process of its own."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from christmas_campaign.sandbox.server import run

# Secrets never stand in the arguments, which everybody on the machine can read.
NOTION_TOKEN = "SANDBOX_NOTION_TOKEN"  # noqa: S105  (the name of a variable)
RESEND_KEY = "SANDBOX_RESEND_KEY"


def main() -> int:
    """Read the arguments and the environment, and serve; the exit code is 2 where a setting is missing."""
    parser = argparse.ArgumentParser(
        prog="christmas-sandbox", description="Notion, Resend and Discord on this machine, for the demo and the tests."
    )
    parser.add_argument("--data", type=Path, required=True, help="the SQLite file that everything is kept in")
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1; 0 takes a free one")
    arguments = parser.parse_args()
    missing = [name for name in (NOTION_TOKEN, RESEND_KEY) if not os.environ.get(name)]
    if missing:
        print(f"Set {' and '.join(missing)} in the environment.", file=sys.stderr)
        return 2
    run(
        arguments.data,
        port=arguments.port,
        notion_token=os.environ[NOTION_TOKEN],
        resend_key=os.environ[RESEND_KEY],
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
