"""``python -m christmas_campaign.local.prepare java|compile|build``: the Python steps of `make setup`.

``java`` and ``compile`` use only the standard library, because they run before the Python packages are installed.
"""

from __future__ import annotations

import signal
import sys

from christmas_campaign.errors import CommandError
from christmas_campaign.local import java, toolchain


def main(arguments: list[str]) -> int:
    """Run one step and return the exit code.

    - ``java``: 0 if this machine has a Java runtime for the engine, 1 if `make setup` must install one.
    - ``compile`` and ``build``: 1 if the build failed; a sentence on standard error then says why.
    - anything else: 2.
    """
    if arguments == ["java"]:
        return 0 if java.find_machine_java() else 1
    steps = {"compile": toolchain.compile_engine, "build": toolchain.build_engine}
    if len(arguments) == 1 and arguments[0] in steps:
        # As a background job of a shell this process survives Ctrl-C. The shell then sends SIGTERM, which must also stop Maven.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            steps[arguments[0]](progress=lambda line: print(f"setup: {line}", flush=True))
        except CommandError as error:
            print(f"setup: {error}", file=sys.stderr)
            return 1
        return 0
    print("usage: python -m christmas_campaign.local.prepare {java,compile,build}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
