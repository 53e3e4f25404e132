"""Access to the database of a stopped engine, with the tools of H2."""

from __future__ import annotations

import subprocess
from pathlib import Path

from christmas_campaign.local import toolchain


def h2(tool: str, engine_data: Path, *arguments: str, read_only: bool = False) -> None:
    """Run a tool of H2 (``Script``, ``Shell``) on the database of an engine; raise ``CalledProcessError`` if the tool fails."""
    java, build = toolchain.build_engine()
    url = f"jdbc:h2:file:{engine_data.absolute()}/kestra;IFEXISTS=TRUE" + (";ACCESS_MODE_DATA=r" if read_only else "")
    # Kestra's jars are on the class path because the schema calls functions in them.
    argv = [
        str(java.command),
        "-cp",
        build.class_path,
        f"org.h2.tools.{tool}",
        "-url",
        url,
        "-user",
        "sa",
        "-password",
        "",
    ]
    subprocess.run([*argv, *arguments], check=True, timeout=120, stdout=subprocess.DEVNULL)
