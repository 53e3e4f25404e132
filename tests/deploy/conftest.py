"""A PostgreSQL server and an installation for the tests of the deployment."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from optional_programs import require_programs
from support import free_port

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"


def run_install(*words: str, cwd: Path) -> None:
    """Run an installation with pip's settings, but with no Python path and no other settings of this machine."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG") or name.startswith(("PIP_", "SSL_", "REQUESTS_"))
    }
    done = subprocess.run(words, env=env, cwd=cwd, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def postgres() -> Iterator[Mapping[str, str]]:
    """Run a PostgreSQL server with an empty data folder; return the variables by which libpq reaches it."""
    # All programs of the backup scripts at once, so that a skipped test names each missing one.
    initdb, *_ = require_programs("initdb", "psql", "pg_dump", "sqlite3")
    pg_ctl = str(Path(initdb).resolve().with_name("pg_ctl"))
    # PostgreSQL refuses to run as root. Its socket needs a short path that its user can reach.
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
