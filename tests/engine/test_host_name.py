"""The engine starts on a host whose own name does not resolve."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from christmas_campaign.local import toolchain
from christmas_campaign.local.engine import Engine

#: Runs a command under another host name, for this command only.
RENAMED = ["unshare", "--uts", "--map-root-user", "sh", "-c"]
RENAME = "echo nowhere-host > /proc/sys/kernel/hostname"


def test_engine_starts_where_the_hosts_own_name_does_not_resolve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed = subprocess.run([*RENAMED, RENAME], capture_output=True, text=True, check=False)
    if renamed.returncode != 0:
        pytest.skip(f"this machine does not let a process change its host name: {renamed.stderr.strip()}")
    lookup = subprocess.run([*RENAMED, f"{RENAME}; getent hosts nowhere-host"], capture_output=True, check=False)
    assert lookup.returncode == 2, "the name resolves"
    java, build = toolchain.build_engine()
    command = tmp_path / "home" / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {" ".join(RENAMED)} \'{RENAME}; exec {java.command} "$@"\' java "$@"\n')
    command.chmod(0o755)
    monkeypatch.setattr(toolchain, "build_engine", lambda **_: (java._replace(home=tmp_path / "home"), build))
    with Engine(tmp_path / "data", env={}) as engine:
        assert engine.running
