"""Write the JSON schema of Kestra's flows for editors: ``python -m christmas_campaign.local.flow_schema FILE``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from christmas_campaign.errors import CommandError
from christmas_campaign.local import toolchain
from christmas_campaign.local.java import ToolchainError


def write_flow_schema(file: Path) -> None:
    """Have the engine's classes generate the schema, and write it to ``file``.

    Raises ``ToolchainError`` when the engine cannot be built or does not print a schema.
    """
    java, built = toolchain.build_engine()
    result = subprocess.run(
        [str(java.command), "-cp", built.class_path, "christmas.engine.FlowSchema"],
        env={**os.environ, "ENGINE_LOG": os.devnull},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if result.returncode:
        raise ToolchainError(f"the engine printed no schema of the flows: {result.stderr.strip()}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(result.stdout, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Write the schema to the file that ``arguments`` name; return the exit code (1: failed, 2: wrong arguments)."""
    if len(arguments) != 1:
        print("usage: python -m christmas_campaign.local.flow_schema FILE", file=sys.stderr)
        return 2
    try:
        write_flow_schema(Path(arguments[0]))
    except CommandError as error:
        print(f"flow-schema: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
