"""What has to be on this machine for the embedded engine: a Java development kit and Maven, and where they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.cli.errors import CommandError

#: Kestra 1.3 does not run on an older one.
OLDEST_JAVA = 21

#: Where a JDK may be when neither JAVA_HOME nor the PATH has it: Linux packages, macOS, SDKMAN, Homebrew.
_PLACES = (
    ("/usr/lib/jvm", "*"),
    ("/Library/Java/JavaVirtualMachines", "*/Contents/Home"),
    ("~/.sdkman/candidates/java", "*"),
    ("/opt/homebrew/opt", "openjdk*"),
    ("/usr/local/opt", "openjdk*"),
)


class ToolchainError(CommandError):
    """Something that the engine needs is not on this machine; the message says what, and how to get it."""


class Jdk(NamedTuple):
    """A Java development kit: its home, its feature version (21), and its full version as it says itself."""

    home: Path
    feature: int
    version: str

    @property
    def java(self) -> Path:
        """The ``java`` command."""
        return self.home / "bin" / "java"


def find_jdk(env: Mapping[str, str] | None = None) -> Jdk:
    """Find a JDK that is new enough: JAVA_HOME, then the PATH, then the usual places, the oldest good one first.

    ``env`` is the environment to look in (this process's). Raises ``ToolchainError`` when there is none.
    """
    seen: list[str] = []
    for home in _homes(os.environ if env is None else env):
        version = _version(home)
        if version is None:
            continue
        feature = _feature(version)
        if feature >= OLDEST_JAVA and (home / "bin" / "javac").exists():
            return Jdk(home, feature, version)
        what = "" if (home / "bin" / "javac").exists() else ", without a compiler"
        seen.append(f"{home} (Java {version}{what})")
    found = f"found only {', '.join(seen)}" if seen else "found none"
    raise ToolchainError(
        f"the engine needs a Java development kit (JDK) of version {OLDEST_JAVA} or later; {found}. "
        f"Install one, for example with the system's package manager, and set JAVA_HOME to it."
    )


def find_maven(env: Mapping[str, str] | None = None) -> Path:
    """Find the ``mvn`` command on the PATH of ``env`` (this process's). Raises ``ToolchainError`` when there is none."""
    found = shutil.which("mvn", path=(os.environ if env is None else env).get("PATH"))
    if found is None:
        raise ToolchainError(
            "building the engine needs Maven, and there is no mvn command. Install it with the system's package manager."
        )
    return Path(found)


def _homes(env: Mapping[str, str]) -> Iterator[Path]:
    """Every folder that may be the home of a JDK, the most wanted first, each once."""
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
