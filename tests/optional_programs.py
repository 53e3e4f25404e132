"""Programs that only some tests need. On a machine without them those tests are skipped; in CI they fail.

``python3 tests/optional_programs.py`` prints the Debian packages of the missing programs; with the name of a file, it prints
one line about the skipped tests that ``record_skipped_tests`` has recorded there. It needs only the standard library.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

#: The Debian packages of each program.
PACKAGES = {
    "caddy": "caddy",
    "cc": "gcc libc6-dev",
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "initdb": "postgresql",
    "node": "nodejs",
    "pg_dump": "postgresql-client",
    "psql": "postgresql-client",
    "sqlite3": "sqlite3",
}

_REASON = re.compile(r"needs ([\w, ]+): apt install [\w -]+")


def require_programs(*names: str) -> list[str]:
    """Return the paths of the programs. If one is missing, skip the running test, or fail it in CI (``CI=true``)."""
    import pytest

    missing = [name for name in names if _path(name) is None]
    if missing:
        reason = f"needs {', '.join(missing)}: apt install {_packages(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return [str(_path(name)) for name in names]


def record_skipped_tests(file: Path, skipped: Iterable[tuple[str, str]]) -> None:
    """Append the tests that a missing program skipped to ``file``; ``skipped`` has id and reason of each skipped test."""
    with file.open("a", encoding="utf-8") as lines:
        for test, reason in skipped:
            if missing_programs := _REASON.search(reason):
                lines.write(f"{test}\t{missing_programs[1]}\n")


def summary(file: Path) -> str:
    """Return one line about the recorded tests: how many, which programs are missing, and how to install them."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    missing = dict(line.split("\t") for line in lines)
    if not missing:
        return "No test was skipped for a missing program."
    programs = sorted({name for names in missing.values() for name in names.split(", ")})
    tests = "1 test was" if len(missing) == 1 else f"{len(missing)} tests were"
    return f"{tests} skipped, without {', '.join(programs)}: apt install {_packages(programs)}"


def _path(name: str) -> str | None:
    if name == "initdb":
        # Debian installs the programs of PostgreSQL's server outside the PATH, in one folder for each version.
        folders = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
        return shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    return shutil.which(name)


def _packages(names: Iterable[str]) -> str:
    return " ".join(sorted({package for name in names for package in PACKAGES[name].split()}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(summary(Path(sys.argv[1])))
    else:
        print(_packages(name for name in PACKAGES if _path(name) is None))
