"""The database of an engine that is not running, by the tools that H2 brings along."""

from __future__ import annotations

import subprocess
from pathlib import Path

from christmas_campaign.local import toolchain


def h2(tool: str, engine_data: Path, *arguments: str, read_only: bool = False) -> None:
    """Run a tool of H2 (``Script``, ``Shell``) on the database in a folder; fails when the tool does."""
    java, built = toolchain.build_engine()
    url = f"jdbc:h2:file:{engine_data.absolute()}/kestra;IFEXISTS=TRUE" + (";ACCESS_MODE_DATA=r" if read_only else "")
    # Kestra's jars are on the class path too: the schema calls their functions.
    argv = [
        str(java.command),
        "-cp",
        built.class_path,
        f"org.h2.tools.{tool}",
        "-url",
        url,
        "-user",
        "sa",
        "-password",
        "",
    ]
    subprocess.run([*argv, *arguments], check=True, timeout=120, stdout=subprocess.DEVNULL)
