"""Run the sandbox as its own process: ``python -m christmas_campaign.sandbox --data FILE --port N``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from christmas_campaign.sandbox.server import run

# Secrets come from the environment: every user of the machine can read a process's arguments.
NOTION_TOKEN = "SANDBOX_NOTION_TOKEN"  # noqa: S105  (the name of the variable, not a secret)
RESEND_KEY = "SANDBOX_RESEND_KEY"


def main() -> int:
    """Serve until the process is stopped; return the exit code (2: a secret is missing from the environment)."""
    parser = argparse.ArgumentParser(
        prog="christmas-sandbox", description="Notion, Resend and Discord on this machine, for the demo and the tests."
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="the SQLite file that stores all data; created when missing"
    )
    parser.add_argument("--port", type=int, default=0, help="the port on 127.0.0.1; 0 (the default) picks a free one")
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
