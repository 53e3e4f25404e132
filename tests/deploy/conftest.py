"""What the deployment is tested with: the programs that it uses, and a PostgreSQL of the tests' own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support import free_port

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"


def program(name: str, package: str) -> str:
    """Where a program is. Without it a test is skipped; but not in CI, which installs it: that would be a test nobody runs."""
    found = shutil.which(name)
    if found is None:
        missing = f"{name} is missing: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def postgres() -> Iterator[Mapping[str, str]]:
    """A PostgreSQL server on this machine alone, with an empty data folder; libpq's variables that reach it."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(folders[-1]) if folders else program("initdb", "postgresql")
    program("pg_dump", "postgresql")
    pg_ctl = str(Path(initdb).resolve().with_name("pg_ctl"))
    # PostgreSQL refuses to run as root. Its socket must have a short name, and its folder must be reachable for that user.
    user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    port = free_port()

    def run(*words: str) -> None:
        done = subprocess.run(
            words,
            user=user if os.geteuid() == 0 else None,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout

    data = str(folder / "data")
    try:
        run(initdb, "--auth=trust", "--username=kestra", "--no-sync", "--encoding=UTF8", "--pgdata", data)
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -p {port}"
        run(pg_ctl, "start", "--wait", "--silent", "--pgdata", data, "--log", str(folder / "log"), "--options", options)
        try:
            yield {"PGHOST": str(folder), "PGPORT": str(port), "PGUSER": "kestra", "PGDATABASE": "postgres"}
        finally:
            run(pg_ctl, "stop", "--wait", "--silent", "--mode=immediate", "--pgdata", data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
