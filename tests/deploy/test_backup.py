"""Backup and restore, with a real PostgreSQL and an SQLite inbox that a door has open."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deploy.conftest import DEPLOY

#: Values that are hard to restore: quotes, tabs, backslashes, the end-of-copy mark, binary data, null.
ROWS = 2000
TABLE = """
create table executions (key text primary key, value jsonb not null, note text, raw bytea, at timestamptz not null);
create index on executions ((value ->> 'state'));
create type state as enum ('CREATED', 'RUNNING');
create function twice(n int) returns int language sql as 'select n * 2';
insert into executions
select 'k' || n, jsonb_build_object('state', 'CREATED', 'name', 'Lệ Ngọc "Ana" \\ ' || n),
       case when n % 3 = 0 then null else E'a\\tb\\n\\\\.\\n''' || n end, decode(md5(n::text), 'hex'),
       timestamptz '2025-12-01 00:00+00' + n * interval '1 minute'
from generate_series(1, 2000) n;
"""
SUM = "select count(*) || ' ' || md5(string_agg(e::text, '|' order by key)) from executions e"


class Place:
    """An installation: a database, Kestra's storage, the door's inbox, a folder of backups."""

    def __init__(self, server: Mapping[str, str], folder: Path, name: str) -> None:
        self.folder = folder
        self.storage, self.backups = folder / "storage", folder / "backups"
        self.inbox = folder / "inbox" / "inbox.sqlite"
        for path in (self.storage, self.backups, self.inbox.parent):
            path.mkdir(parents=True)
        self.env = {
            **server,
            "PATH": os.environ["PATH"],
            "PGDATABASE": name,
            "STORAGE": str(self.storage),
            "INBOX": str(self.inbox),
            "BACKUPS": str(self.backups),
        }

    def sql(self, text: str) -> str:
        return self._run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text).stdout.strip()

    def script(self, name: str, *words: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        return self._run(str(DEPLOY / name), *words, code=code, **more)

    def _run(self, *words: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words, env={**self.env, **more}, capture_output=True, text=True, timeout=60, check=False, cwd="/"
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def backup(self, **more: str) -> str:
        return self.script("backup.sh", "once", code=0, **more).stdout.strip()

    def files(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.storage)): p.read_bytes() for p in self.storage.rglob("*") if p.is_file()}

    def names(self) -> list[str]:
        return sorted(path.name for path in self.backups.iterdir())


@pytest.fixture
def place(postgres: Mapping[str, str], tmp_path: Path) -> Iterator[Place]:
    name = f"kestra_{tmp_path.name[-8:].strip('_').replace('-', '_').lower()}_{time.monotonic_ns()}"
    maker = Place(postgres, tmp_path / "maker", "postgres")
    maker.sql(f'create database "{name}"')
    one = Place(postgres, tmp_path / "place", name)
    one.sql(TABLE)
    (one.storage / "main/christmas/_kv").mkdir(parents=True)
    (one.storage / "main/christmas/_kv/enrolment.1.ion").write_bytes(b'{email: "ana@example.com"}\x00')
    (one.storage / "main/christmas/_kv/with space ' and quote").write_bytes(b"2")
    yield one
    maker.sql(f'drop database "{name}" with (force)')


def open_inbox(path: Path) -> sqlite3.Connection:
    """Return an open inbox in WAL mode with 50 calls that are not in its main file yet, as a running door has it."""
    inbox = sqlite3.connect(path, isolation_level=None)
    inbox.execute("pragma journal_mode=wal")
    inbox.execute("pragma wal_autocheckpoint=0")
    inbox.execute("create table calls (id integer primary key, body blob)")
    inbox.executemany("insert into calls (body) values (?)", [(b"call %d" % n,) for n in range(50)])
    return inbox


def calls(path: Path) -> list[bytes]:
    inbox = sqlite3.connect(path)
    try:
        return [body for (body,) in inbox.execute("select body from calls order by id")]
    finally:
        inbox.close()


def test_restore_brings_back_database_storage_and_inbox(place: Place) -> None:
    inbox = open_inbox(place.inbox)
    before, files = place.sql(SUM), place.files()
    name = place.backup()
    inbox.execute("insert into calls (body) values (?)", (b"later",))
    inbox.close()
    assert before.startswith(f"{ROWS} ")
    place.sql(
        "delete from executions where key < 'k5'; create table later (n int); drop function twice; drop type state"
    )
    (place.storage / "main/christmas/_kv/enrolment.1.ion").write_bytes(b"changed")
    (place.storage / "main/later").write_bytes(b"later")
    assert place.script("restore.sh", name).stdout == f"restore: {name} is back\n"
    assert place.sql(SUM) == before
    assert place.sql("select twice(21) || ' ' || 'CREATED'::state") == "42 CREATED"
    assert place.sql("select to_regclass('later') is null") == "t"
    assert place.files() == files
    assert calls(place.inbox) == [b"call %d" % n for n in range(50)]


def test_restore_ignores_the_wal_of_a_killed_door(place: Place) -> None:
    inbox = open_inbox(place.inbox)
    name = place.backup()
    inbox.execute("insert into calls (body) values (?)", (b"later",))
    files = {path: path.read_bytes() for path in place.inbox.parent.iterdir()}
    inbox.close()
    for path, content in files.items():
        path.write_bytes(content)
    assert len(files) == 3
    # The backup before a restore would merge the WAL into the inbox. Here it fails.
    fails = place.folder / "bin" / "pg_dump"
    fails.parent.mkdir()
    fails.symlink_to("/bin/false")
    restored = place.script("restore.sh", name, PATH=f"{fails.parent}:{os.environ['PATH']}")
    assert "what was there could not be backed up" in restored.stderr
    assert [path.name for path in place.inbox.parent.iterdir()] == ["inbox.sqlite"]
    assert calls(place.inbox) == [b"call %d" % n for n in range(50)]


def test_restore_saves_the_state_before_it(place: Place) -> None:
    before = place.sql(SUM)
    first = place.backup()
    place.sql("update executions set note = 'second'")
    second = place.sql(SUM)
    place.script("restore.sh", first)
    (saved,) = set(place.names()) - {first}
    place.script("restore.sh", saved)
    assert place.sql(SUM) == second
    place.script("restore.sh", "latest")
    place.script("restore.sh", first)
    assert place.sql(SUM) == before
    assert place.sql("insert into executions values ('new', '{}', null, null, now()) returning key") == "new"


def test_restore_of_a_backup_without_an_inbox_leaves_none(place: Place) -> None:
    name = place.backup()
    open_inbox(place.inbox).close()
    place.script("restore.sh", name)
    assert not place.inbox.exists()


@pytest.mark.parametrize("file", ["database.dump", "storage.tar", "inbox.sqlite"])
def test_damaged_backup_changes_nothing(place: Place, file: str) -> None:
    open_inbox(place.inbox).close()
    name = place.backup()
    damaged = place.backups / name / file
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    place.sql("update executions set note = 'now'")
    now = place.sql(SUM)
    assert "nothing was changed" in place.script("restore.sh", name, code=1).stderr
    assert place.sql(SUM) == now
    assert place.names() == [name]


def test_truncated_dump_leaves_the_database_unchanged(place: Place) -> None:
    name = place.backup()
    dump = place.backups / name / "database.dump"
    dump.write_bytes(dump.read_bytes()[:-9000])
    sums = subprocess.run(
        ["sha256sum", "database.dump", "storage.tar"], cwd=dump.parent, capture_output=True, check=True
    )
    (dump.parent / "SHA256SUMS").write_bytes(sums.stdout)
    place.sql("update executions set note = 'now'")
    now, files = place.sql(SUM), place.files()
    (place.storage / "main/later").write_bytes(b"later")
    assert "it is as it was" in place.script("restore.sh", name, code=1).stderr
    assert place.sql(SUM) == now
    assert place.files() == {**files, "main/later": b"later"}


def test_restore_needs_a_stopped_kestra_and_a_stopped_door(place: Place) -> None:
    name = place.backup()
    kestra = subprocess.Popen(["psql", "-qX"], env=place.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert kestra.stdin is not None
    assert kestra.stdout is not None
    try:
        kestra.stdin.write("\\echo connected\n")
        kestra.stdin.flush()
        assert kestra.stdout.readline() == "connected\n"
        assert "stop Kestra first; nothing was changed" in place.script("restore.sh", name, code=1).stderr
    finally:
        kestra.communicate("\\q\n", timeout=10)
    with place.inbox.with_name("inbox.sqlite.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "stop the door first; nothing was changed" in place.script("restore.sh", name, code=1).stderr
    assert place.names() == [name]
    place.script("restore.sh", name)


def test_failed_backup_leaves_no_folder(place: Place) -> None:
    assert "does not exist" in place.script("backup.sh", "once", code=1, PGDATABASE="nowhere").stderr
    place.inbox.write_bytes(b"no database at all, and long enough to have a header of its own" * 20)
    assert place.script("backup.sh", "once", code=1).stdout == ""
    assert place.names() == []


def test_old_backups_are_deleted_except_the_newest(place: Place) -> None:
    old, late, other = (place.backups / name for name in ("2025-01-01T000000Z", "2025-11-20T000000Z", "2025-notes"))
    for folder, days in ((old, 15), (late, 13), (other, 99)):
        folder.mkdir()
        make_older(folder, hours=days * 24)
    name = place.backup(BACKUP_DAYS="14")
    assert place.names() == [late.name, other.name, name]
    shutil.rmtree(late)
    make_older(place.backups / name, hours=99 * 24)
    assert place.backup(BACKUP_DAYS="1") in place.names()


def make_older(folder: Path, hours: float) -> None:
    time_of_folder = time.time() - hours * 3600
    os.utime(folder, (time_of_folder, time_of_folder))


def test_backup_is_private_and_the_health_check_knows_its_age(place: Place) -> None:
    open_inbox(place.inbox).close()
    assert "none of the last 12 hours" in place.script("backup.sh", "fresh", code=1).stderr
    folder = place.backups / place.backup()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    place.script("backup.sh", "fresh")
    make_older(folder, hours=13)
    place.script("backup.sh", "fresh", code=1)
    place.script("backup.sh", "fresh", BACKUP_HOURS="7")


def test_service_backs_up_at_once_and_ends_on_sigterm(place: Place) -> None:
    with subprocess.Popen(
        [DEPLOY / "backup.sh"], env=place.env, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as loop:
        assert loop.stdout is not None
        try:
            assert loop.stdout.readline().startswith("backup: 2")
            place.script("backup.sh", "fresh")
        finally:
            os.killpg(loop.pid, 15)


def test_wrong_setting_or_name_is_refused(place: Place) -> None:
    for name, value in (("BACKUP_HOURS", "0"), ("BACKUP_HOURS", "6h"), ("BACKUP_DAYS", "-1")):
        done = place.script("backup.sh", "once", code=2, **{name: value})
        assert "BACKUP_HOURS and BACKUP_DAYS must be" in done.stderr, value
    assert place.names() == []
    assert "there is no backup at all" in place.script("restore.sh", "latest", code=1).stderr
    assert "there is no backup 2025-01-01T000000Z" in place.script("restore.sh", "2025-01-01T000000Z", code=1).stderr
