"""``python -m christmas_campaign.cli.prepare check|build``: what `make setup` asks before and after anything is installed.

It needs nothing but the standard library: it runs with the system's Python too.
"""

from __future__ import annotations

import sys

from christmas_campaign.cli import toolchain


def check() -> list[str]:
    """Return what is missing to build and run the engine, each as a sentence with the mend."""
    missing = []
    for find in (toolchain.find_jdk, toolchain.find_maven):
        try:
            find()
        except toolchain.ToolchainError as error:
            missing.append(str(error))
    return missing


def main(arguments: list[str]) -> int:
    """Run ``check`` or ``build``; returns the exit code (2: something is missing, 1: the build failed)."""
    if arguments == ["check"]:
        missing = check()
        for sentence in missing:
            print(f"setup: {sentence}", file=sys.stderr)
        return 2 if missing else 0
    if arguments == ["build"]:
        try:
            toolchain.build_engine(progress=lambda line: print(f"setup: {line}", flush=True))
        except toolchain.ToolchainError as error:
            print(f"setup: {error}", file=sys.stderr)
            return 1
        return 0
    print("usage: python -m christmas_campaign.cli.prepare {check,build}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
