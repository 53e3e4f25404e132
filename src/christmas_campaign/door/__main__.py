"""``python -m christmas_campaign.door``: run the door as its own process, with settings from the environment."""

from __future__ import annotations

import argparse
import os
import sys

from christmas_campaign.door.inbox.store import InboxError
from christmas_campaign.door.server import run
from christmas_campaign.door.settings import InvalidSetting, read


def main() -> int:
    """Read the arguments and the environment, and serve. Return 2 if a setting, the inbox or the port cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m christmas_campaign.door",
        description="Receive webhooks from the internet and forward them to Kestra.",
    )
    parser.add_argument("--child", action="store_true", help="stop when the standard input ends")
    arguments = parser.parse_args()
    try:
        run(read(os.environ), child=arguments.child)
    except (InvalidSetting, InboxError) as error:
        print(f"door: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"door: cannot listen at the address in DOOR_LISTEN: {error.strerror or error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
