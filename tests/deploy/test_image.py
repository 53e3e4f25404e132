"""What the Dockerfile does, as far as it can be done without Docker: the same commands in a clean folder."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.door.routes import PUBLIC_PATHS
from christmas_campaign.local.child_process import Child
from deploy.conftest import DEPLOY, PROJECT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
STAGES = {
    found[2]: found[0]
    for found in re.finditer(r"^FROM (\S+) AS (\w+)\n.*?(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
}


def sources(stage: str) -> list[str]:
    """What a stage copies from the project, by its COPY lines."""
    return [
        word
        for line in re.findall(r"^COPY (.+)$", STAGES[stage], re.MULTILINE)
        for word in [word for word in line.split() if not word.startswith("--")][:-1]
    ]


def install(stage: str, root: Path) -> Path:
    """Run the stage's COPY lines and its install.sh below ``root``; returns the virtual environment."""
    text = STAGES[stage]
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *what, target = [word for word in line.split() if not word.startswith("--")]
        place = root / target.lstrip("/")
        for each in what:
            source = PROJECT / each
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
                shutil.copytree(source, place, symlinks=True, ignore=ignored, dirs_exist_ok=True)
            elif target.endswith("/"):
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, place)
    (command,) = re.findall(r"^RUN sh (\S+install\.sh .+?) \\$", text, re.MULTILINE)
    words = [str(root / word.lstrip("/")) for word in command.split()]
    # No Python path and no settings of this machine: what is needed is in the folder or in the lock file.
    env = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG") or name.startswith(("PIP_", "SSL_", "REQUESTS_"))
    }
    done = subprocess.run(["sh", *words], env=env, capture_output=True, text=True, timeout=170, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(root / "opt/christmas/source")
    return root / "opt/christmas/venv"


@pytest.fixture(scope="module")
def kestra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install("kestra", tmp_path_factory.mktemp("kestra"))


def run(venv: Path, *words: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run something as a task does: `python` is found by PATH, and nothing else of this machine is there."""
    env = {"PATH": f"{venv / 'bin'}:/usr/bin:/bin", "HOME": "/nonexistent", **more}
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False, cwd=cwd or venv)


def flow_commands() -> list[str]:
    """Each `python -m …` that the flows run."""
    text = "".join(file.read_text(encoding="utf-8") for file in sorted((PROJECT / "flows").glob("*.yml")))
    return sorted(set(re.findall(r"python -m [\w.]+ \w+", text)))


def test_what_the_flows_run_is_there(kestra: Path) -> None:
    found = flow_commands()
    assert len(found) >= 5
    for command in found:
        if "steps" in command:
            # Without its input a step misses that: it was found, and imported.
            done = run(kestra, "/bin/sh", "-c", command)
            assert done.stderr.startswith("FileNotFoundError"), f"{command}: {done.stderr}"
        else:
            done = run(kestra, "/bin/sh", "-c", f"{command} --help")
            assert done.returncode == 0, done.stderr
            assert "Usage:" in done.stdout


def test_a_step_decides_in_the_installed_package(kestra: Path, tmp_path: Path) -> None:
    context = (PROJECT / "examples" / "signup.json").read_text(encoding="utf-8")
    (tmp_path / "context.json").write_text(f'{{"payload": {context}, "sequence": "signup", "execution_id": "x1"}}')
    done = run(kestra, "python", "-m", "christmas_campaign.steps", "intake", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"outcome": "accepted"' in done.stdout or '"outcome":"accepted"' in done.stdout


def test_the_flows_can_be_deployed_from_the_image(kestra: Path) -> None:
    done = run(
        kestra,
        "christmas",
        "flows",
        "deploy",
        "--wait",
        "0",
        KESTRA_URL="http://127.0.0.1:9",
    )
    assert done.returncode == 2
    assert "Kestra at http://127.0.0.1:9 does not answer" in done.stderr


def test_time_zones_are_there_whatever_the_image_has(kestra: Path) -> None:
    done = run(
        kestra, "python", "-c", "from zoneinfo import ZoneInfo; print(ZoneInfo('America/Toronto'))", PYTHONTZPATH=""
    )
    assert done.stdout == "America/Toronto\n", done.stderr


def test_nothing_stays_that_only_installs_and_nothing_of_the_tests(kestra: Path) -> None:
    done = run(
        kestra,
        "python",
        "-c",
        "import importlib.metadata as m; print(*sorted({d.name.lower() for d in m.distributions()}))",
    )
    installed = set(done.stdout.split())
    assert {"christmas-campaign", "click", "httpx", "pyyaml", "tzdata"} <= installed
    assert not installed & {"pip", "setuptools", "pytest", "mypy", "starlette", "uvicorn"}
    assert not (kestra.parent / "source").exists()


@pytest.mark.long
def test_the_door_runs_from_what_is_installed(tmp_path: Path) -> None:
    """It answers for its health and keeps a call, with nothing but the image's own words, a folder and the keys."""
    venv = install("door", tmp_path)
    (words,) = re.findall(r"^CMD (\[.+\])$", STAGES["door"], re.MULTILINE)
    file = tmp_path / "inbox" / "inbox.sqlite"
    settings = {f"SECRET_{each.webhook_key}": base64.b64encode(each.name.encode()).decode() for each in HANDLERS}
    settings["SECRET_UNSUBSCRIBE_KEY"] = base64.b64encode(b"key-of-the-links-0123456789").decode()
    settings |= {"DOOR_LISTEN": "127.0.0.1:0", "DOOR_KESTRA_URL": "http://127.0.0.1:9", "DOOR_INBOX": str(file)}
    python, *rest = json.loads(words)
    argv = [str(venv / "bin" / python), *rest, "--child"]
    door = Child("the door", argv, env={"PATH": "/usr/bin:/bin", **settings}, log=tmp_path / "door.log")
    url = str(door.start(60)["url"])
    try:
        health = httpx.get(f"{url}/health", timeout=30)
        assert (health.status_code, health.json()["status"]) == (503, "unhealthy"), "there is no Kestra here"
        example = (PROJECT / "examples" / "signup.json").read_bytes()
        answer = httpx.post(url + PUBLIC_PATHS["signup"], content=example, timeout=30)
        assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    finally:
        door.stop()
    # The command reads the file that only the door's container has.
    listed = run(venv, "christmas", "inbox", DOOR_INBOX=str(file))
    assert "1 call waits" in listed.stdout, listed.stderr


def test_a_python_that_is_too_old_is_said(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.10.12"\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["sh", DEPLOY / "install.sh", PROJECT, tmp_path / "venv", PROJECT / "requirements/kestra.lock"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Python 3.11 or later is needed; here is Python 3.10.12" in done.stderr


@pytest.mark.parametrize(("version", "code"), [("3.10.12", 1), ("3.11.2", 0), ("3.14.0", 0)])
def test_build_ends_with_one_sentence_where_the_image_has_an_old_python(
    tmp_path: Path, version: str, code: int
) -> None:
    (command,) = re.findall(r"^RUN (python3 -c (?:.*\\\n)*.*)$", STAGES["kestra"], re.MULTILINE)
    other = tmp_path / "python3"
    # Runs the check with this Python, as if it were another one.
    number = tuple(int(part) for part in version.split("."))
    other.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && {{ echo "Python {version}"; exit; }}\n'
        f'exec "{sys.executable}" -c "import sys; sys.version_info = {number}; $2"\n'
    )
    other.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "KESTRA_IMAGE": "kestra/kestra:v1.3.31"},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr == (
            "build: the steps need Python 3.11 or later, and kestra/kestra:v1.3.31 has Python 3.10.12: "
            "set KESTRA_IMAGE in .env to a build with a newer one (docs/production.md)\n"
        )
    else:
        assert done.stderr == ""


def test_the_lock_files_hold_what_the_tests_ran_with() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (PROJECT / "requirements" / name).read_text(encoding="utf-8")
        assert text.count("--hash=sha256:") >= len(text.splitlines()) / 4
        assert "://" not in text
        return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))

    tested = pins("dev.lock")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, extra in (("kestra.lock", "cli"), ("door.lock", "cli"), ("door.lock", "door")):
        found = pins(name)
        assert found.items() <= tested.items()
        wanted = {re.split(r"[<>=]", each)[0] for each in project["optional-dependencies"][extra]}
        assert wanted | {"tzdata", "setuptools"} <= set(found)


def test_what_the_image_is_made_of_is_sent_to_the_builder_and_no_more() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    for stage in STAGES:
        for source in sources(stage):
            assert (PROJECT / source).exists(), source
            assert any(source == each or source.startswith(f"{each}/") for each in allowed), source
    assert not any(".env" in each or each in (".", "deploy") for each in allowed)


def test_nobody_is_root_in_what_runs_for_long() -> None:
    assert set(STAGES) == {"kestra", "door", "backup"}
    for stage in ("kestra", "door"):
        assert re.findall(r"^USER (\S+)", STAGES[stage], re.MULTILINE)[-1] == stage
