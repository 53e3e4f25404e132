"""``python -m christmas_campaign.local.prepare java|compile|build``: the steps of `make setup` that are written in Python.

``java`` and ``compile`` need nothing but the standard library: they run before the Python packages are installed.
"""

from __future__ import annotations

import signal
import sys

from christmas_campaign.errors import CommandError
from christmas_campaign.local import java, toolchain


def main(arguments: list[str]) -> int:
    """Run ``java``, ``compile`` or ``build``; returns the exit code (2: wrong arguments).

    ``java``: 0 if this machine has a Java runtime for the engine, 1 if `make setup` has to install one. ``compile`` and
    ``build``: 1 if the build failed; one sentence on standard error then says why.
    """
    if arguments == ["java"]:
        return 0 if java.find_machine_java() else 1
    work = {"compile": toolchain.compile_engine, "build": toolchain.build_engine}
    if len(arguments) == 1 and arguments[0] in work:
        # In the background of a shell it would outlive a Ctrl-C, and Maven would outlive it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            work[arguments[0]](progress=lambda line: print(f"setup: {line}", flush=True))
        except CommandError as error:
            print(f"setup: {error}", file=sys.stderr)
            return 1
        return 0
    print("usage: python -m christmas_campaign.local.prepare {java,compile,build}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
