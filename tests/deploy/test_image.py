"""The commands of the Dockerfile, run without Docker in a clean folder."""

from __future__ import annotations

import base64
import json
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
from deploy.conftest import DEPLOY, PROJECT, run_install

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
STAGES = {
    stage[2]: stage[0]
    for stage in re.finditer(r"^FROM (\S+) AS (\w+)\n.*?(?=^FROM |\Z)", DOCKERFILE, re.MULTILINE | re.DOTALL)
}


def sources(stage: str) -> list[str]:
    """Return the paths that a stage copies from the project."""
    return [
        word
        for line in re.findall(r"^COPY (.+)$", STAGES[stage], re.MULTILINE)
        for word in [word for word in line.split() if not word.startswith("--")][:-1]
    ]


def install(stage: str, root: Path) -> Path:
    """Run the stage's COPY lines and its install.sh below ``root``; returns the virtual environment."""
    text = STAGES[stage]
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *paths, target = [word for word in line.split() if not word.startswith("--")]
        place = root / target.lstrip("/")
        for path in paths:
            source = PROJECT / path
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
    run_install("sh", *words, cwd=Path("/"))
    shutil.rmtree(root / "opt/christmas/source")
    return root / "opt/christmas/venv"


@pytest.fixture(scope="module")
def kestra(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install("kestra", tmp_path_factory.mktemp("kestra"))


def run(venv: Path, *words: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a task does: with the `python` of the environment, and nothing else of this machine."""
    env = {"PATH": f"{venv / 'bin'}:/usr/bin:/bin", "HOME": "/nonexistent", **more}
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False, cwd=cwd or venv)


def flow_commands() -> list[str]:
    """Return every `python -m …` that the flows run."""
    text = "".join(file.read_text(encoding="utf-8") for file in sorted((PROJECT / "flows").glob("*.yml")))
    return sorted(set(re.findall(r"python -m [\w.]+ \w+", text)))


def test_commands_of_the_flows_are_installed(kestra: Path) -> None:
    commands = flow_commands()
    assert len(commands) >= 5
    for command in commands:
        if "steps" in command:
            # A step that is installed starts, and then misses its input file.
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


def test_image_has_time_zones_and_only_what_runs(kestra: Path) -> None:
    code = "from zoneinfo import ZoneInfo; print(ZoneInfo('America/Toronto'))"
    assert run(kestra, "python", "-c", code, PYTHONTZPATH="").stdout == "America/Toronto\n"
    code = "import importlib.metadata as m; print(*{d.name.lower() for d in m.distributions()})"
    installed = set(run(kestra, "python", "-c", code).stdout.split())
    assert {"christmas-campaign", "click", "httpx", "pyyaml", "tzdata"} <= installed
    assert not installed & {"pip", "setuptools", "pytest", "mypy", "starlette", "uvicorn"}
    assert not (kestra.parent / "source").exists()


@pytest.mark.long
def test_installed_door_reports_its_health_and_stores_a_call(tmp_path: Path) -> None:
    venv = install("door", tmp_path)
    (words,) = re.findall(r"^CMD (\[.+\])$", STAGES["door"], re.MULTILINE)
    file = tmp_path / "inbox" / "inbox.sqlite"
    settings = {
        f"SECRET_{handler.webhook_key}": base64.b64encode(handler.name.encode()).decode() for handler in HANDLERS
    }
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
    listed = run(venv, "christmas", "inbox", DOOR_INBOX=str(file))
    assert "1 call waits" in listed.stdout, listed.stderr


def test_install_refuses_an_old_python(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.10.12"\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["sh", DEPLOY / "install.sh", PROJECT, tmp_path / "venv", PROJECT / "requirements/kestra.lock"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Python 3.11 or later is needed; here is Python 3.10.12" in done.stderr


@pytest.mark.parametrize(("version", "code"), [("3.10.12", 1), ("3.11.2", 0)])
def test_build_of_an_image_with_an_old_python_ends_with_one_sentence(tmp_path: Path, version: str, code: int) -> None:
    (command,) = re.findall(r"^RUN (python3 -c (?:.*\\\n)*.*)$", STAGES["kestra"], re.MULTILINE)
    other = tmp_path / "python3"
    # The check runs with this Python, which claims another version.
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
    message = (
        "build: the steps need Python 3.11 or later, and kestra/kestra:v1.3.31 has Python 3.10.12: "
        "set KESTRA_IMAGE in .env to a build with a newer one (docs/production.md)\n"
    )
    assert done.stderr == (message if code else "")


def test_lock_files_have_the_tested_versions() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (PROJECT / "requirements" / name).read_text(encoding="utf-8")
        assert text.count("--hash=sha256:") >= len(text.splitlines()) / 4
        assert "://" not in text
        return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))

    tested = pins("dev.lock")
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name, extra in (("kestra.lock", "cli"), ("door.lock", "cli"), ("door.lock", "door")):
        locked = pins(name)
        assert locked.items() <= tested.items()
        required = {re.split(r"[<>=]", dependency)[0] for dependency in project["optional-dependencies"][extra]}
        assert required | {"tzdata", "setuptools"} <= set(locked)


def test_builder_gets_only_the_files_that_the_stages_copy() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    for stage in STAGES:
        for source in sources(stage):
            assert (PROJECT / source).exists(), source
            assert any(source == path or source.startswith(f"{path}/") for path in allowed), source
    assert not any(".env" in path or path in (".", "deploy") for path in allowed)


def test_kestra_and_the_door_do_not_run_as_root() -> None:
    assert set(STAGES) == {"kestra", "door", "backup"}
    for stage in ("kestra", "door"):
        assert re.findall(r"^USER (\S+)", STAGES[stage], re.MULTILINE)[-1] == stage
