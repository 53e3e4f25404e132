"""``python -m christmas_campaign.cli.prepare check|compile|build``: what `make setup` asks before, during and after installing.

``check`` and ``compile`` need nothing but the standard library: they run with the system's Python.
"""

from __future__ import annotations

import signal
import sys

from christmas_campaign.cli import jdk, toolchain


def check() -> list[str]:
    """Return what is missing to build and run the engine, each as a sentence with the mend."""
    missing = []
    for find in (jdk.find_jdk, jdk.find_maven):
        try:
            find()
        except jdk.ToolchainError as error:
            missing.append(str(error))
    return missing


def main(arguments: list[str]) -> int:
    """Run ``check``, ``compile`` or ``build``; returns the exit code (2: something is missing, 1: the build failed)."""
    if arguments == ["check"]:
        missing = check()
        for sentence in missing:
            print(f"setup: {sentence}", file=sys.stderr)
        return 2 if missing else 0
    work = {"compile": toolchain.compile_engine, "build": toolchain.build_engine}
    if len(arguments) == 1 and arguments[0] in work:
        # In the background of a shell it would outlive a Ctrl-C, and Maven would outlive it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            work[arguments[0]](progress=lambda line: print(f"setup: {line}", flush=True))
        except jdk.ToolchainError as error:
            print(f"setup: {error}", file=sys.stderr)
            return 1
        return 0
    print("usage: python -m christmas_campaign.cli.prepare {check,compile,build}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
