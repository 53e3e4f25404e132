"""``python -m christmas_campaign.door``: the door as a process of its own; its settings are in the environment."""

from __future__ import annotations

import argparse
import os
import sys

from christmas_campaign.door.inbox.store import InboxError
from christmas_campaign.door.server import run
from christmas_campaign.door.settings import InvalidSetting, read


def main() -> int:
    """Read the arguments and the environment, and serve; the exit code is 2 where a person has to mend something."""
    parser = argparse.ArgumentParser(
        prog="python -m christmas_campaign.door", description="What stands in front of Kestra and faces the world."
    )
    parser.add_argument("--child", action="store_true", help="end when the standard input ends, as beside a command")
    arguments = parser.parse_args()
    try:
        run(read(os.environ), child=arguments.child)
    except (InvalidSetting, InboxError) as error:
        print(f"door: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"door: DOOR_LISTEN cannot be listened at: {error.strerror or error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
