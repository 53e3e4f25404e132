"""Add a fifth sequence by following ``docs/adding-a-sequence.md``, and play it on the real engine."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from christmas_campaign.local.stack import PROJECT, SANDBOX_SETTINGS

PAGE = PROJECT / "docs" / "adding-a-sequence.md"

#: The files that the page changes, and those that it adds.
CHANGED = {"src/christmas_campaign/sequences/registry.py"}
MADE = {
    "src/christmas_campaign/sequences/winback.py",
    "examples/winback.json",
    "flows/winback-handler.yml",
    *(
        f"content/templates/winback-email-{number}/{name}"
        for number in (1, 2)
        for name in ("body.html", "body.txt", "template.toml")
    ),
}

#: A day takes three seconds, so that the first e-mail is due after the enrolment has ended.
SCALE = 28_800


def blocks(page: str) -> list[tuple[str, str, str]]:
    """Return the page's fenced blocks: language, file name (may be empty) and text."""
    fences = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return [(language, file, text) for language, file, text in fences]


def side(hunk: list[str], mark: str) -> str:
    """Return the text before (``-``) or after (``+``) a change."""
    return "".join(line[1:] for line in hunk if line[0] in (" ", mark))


def follow(page: str, project: Path) -> set[str]:
    """Apply the page's blocks to ``project``; return the changed and added files."""
    touched = set()
    for language, name, text in blocks(page):
        file = project / name
        if language == "sh":
            for source, target in re.findall(r"^cp (\S+) (\S+)$", text, re.MULTILINE):
                shutil.copy(project / source, project / target)
        elif language == "diff":
            before = file.read_text(encoding="utf-8")
            for hunk in text.split("@@\n"):
                lines = hunk.splitlines(keepends=True)
                assert before.count(side(lines, "-")) == 1, f"{PAGE.name}: where in {name} is this?\n{hunk}"
                before = before.replace(side(lines, "-"), side(lines, "+"))
            file.write_text(before, encoding="utf-8")
            touched.add(name)
        else:
            assert not file.exists(), name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            touched.add(name)
    return touched


def files(project: Path) -> dict[str, bytes]:
    """Return the content of a project's files by path, without compiled Python."""
    parts = ("src/christmas_campaign", "flows", "content", "examples")
    paths = (file for part in parts for file in (project / part).rglob("*"))
    return {
        file.relative_to(project).as_posix(): file.read_bytes()
        for file in paths
        if file.is_file() and "__pycache__" not in file.parts
    }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the page's sequence, and the same engine."""
    project = tmp_path_factory.mktemp("fifth")
    for name, content in files(PROJECT).items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(content)
    (project / "engine").symlink_to(PROJECT / "engine")
    shipped = "src/christmas_campaign/shipped"
    shutil.copytree(PROJECT / shipped, project / shipped, symlinks=True)
    follow(PAGE.read_text(encoding="utf-8"), project)
    return project


def run(copy: Path, code: str, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run Python code that imports ``christmas_campaign`` from the copy, also in the processes that it starts."""
    # Without coverage, which would count the files of the copy too.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    env = {**inherited, "PYTHONPATH": str(copy / "src"), **settings}
    argv = [sys.executable, "-c", code, *words]
    return subprocess.run(argv, env=env, cwd=copy, capture_output=True, text=True, timeout=120, check=False)


def test_page_changes_the_registry_alone_and_adds_the_rest(copy: Path) -> None:
    before, after = files(PROJECT), files(copy)
    assert set(after) - set(before) == MADE
    assert {name for name in before if after.get(name) != before[name]} == CHANGED


def test_the_templates_check_finds_no_fault_in_the_pages_templates(copy: Path) -> None:
    code = "from christmas_campaign.cli.template_commands import templates; templates()"
    key = base64.b64encode(b"a-key-of-the-links-0123456789").decode()
    settings = {**SANDBOX_SETTINGS, "SECRET_UNSUBSCRIBE_KEY": key}
    result = run(copy, code, "check", "winback_email_1", "winback_email_2", "--local", **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "last_booking_date_text" in result.stdout


@pytest.mark.long
@pytest.mark.alone
def test_the_demo_plays_the_pages_sequence_to_its_last_email(copy: Path, tmp_path: Path) -> None:
    code = "from christmas_campaign.cli.main import main; main()"
    data = tmp_path / "demo"
    result = run(copy, code, "demo", "--only", "winback", "--time-scale", str(SCALE), "--data", str(data))
    assert result.returncode == 0, result.stdout + result.stderr
    arrived = re.findall(r"^ +\+ *[\d.]+ s  (\w+) +(E\d)  (.*)  \(due \+", result.stdout, re.MULTILINE)
    assert arrived == [
        ("winback", "E1", "How is Klip & Krøl, Søren?"),
        ("winback", "E2", "A time for you, Søren"),
    ]
    assert "All 2 e-mails arrived, in order" in result.stdout
