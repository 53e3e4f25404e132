"""Finding a JDK and Maven, and building: what is missing is said plainly."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from christmas_campaign.cli import toolchain
from christmas_campaign.cli.toolchain import ToolchainError


def jdk(home: Path, version: str, compiler: bool = True) -> Path:
    """A JDK that knows its version and nothing else."""
    (home / "bin").mkdir(parents=True)
    for name in ["java", "javac"] if compiler else ["java"]:
        command = home / "bin" / name
        command.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
        command.chmod(0o755)
    return home


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Only what a test puts in this folder is in one of the usual places."""
    places = tmp_path / "places"
    places.mkdir()
    monkeypatch.setattr(toolchain, "_PLACES", ((str(places), "*"),))
    return places


def test_java_home_comes_first_then_the_path_then_the_usual_places(nowhere: Path, tmp_path: Path) -> None:
    jdk(nowhere / "jdk-25", "25.0.3")
    assert toolchain.find_jdk({}).feature == 25
    on_path = jdk(tmp_path / "on-path", "21.0.5")
    assert toolchain.find_jdk({"PATH": str(on_path / "bin")}).home == on_path
    home = jdk(tmp_path / "home", "23")
    found = toolchain.find_jdk({"PATH": str(on_path / "bin"), "JAVA_HOME": str(home)})
    assert (found.home, found.feature, found.java) == (home, 23, home / "bin" / "java")


def test_old_ones_and_those_without_a_compiler_are_named_when_there_is_no_other(nowhere: Path) -> None:
    jdk(nowhere / "a", "1.8.0_402")
    jdk(nowhere / "b", "17.0.15")
    jdk(nowhere / "c", "21.0.5", compiler=False)
    with pytest.raises(ToolchainError) as told:
        toolchain.find_jdk({})
    for part in ("of version 21 or later", "Java 1.8.0_402", "Java 17.0.15", "without a compiler", "JAVA_HOME"):
        assert part in str(told.value)
    jdk(nowhere / "d", "21")
    assert toolchain.find_jdk({}).home == nowhere / "d"


def test_none_at_all(nowhere: Path) -> None:
    with pytest.raises(ToolchainError, match="found none"):
        toolchain.find_jdk({"JAVA_HOME": str(nowhere / "gone"), "PATH": str(nowhere)})


def test_no_maven(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="there is no mvn command"):
        toolchain.find_maven({"PATH": str(tmp_path)})


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


def test_this_machine_has_what_it_takes() -> None:
    assert toolchain.find_jdk().feature >= toolchain.OLDEST_JAVA
    assert shutil.which(toolchain.find_maven())
