"""The Compose files: valid by the published schema, and what they promise about networks, rights, limits and settings."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.conftest import DEPLOY, PROJECT

FILES = ("compose.yaml", "compose.kestra.yaml", "compose.prod.yaml", "compose.cluster.yaml")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
PRODUCTION = (DEPLOY / "compose.prod.yaml").read_text(encoding="utf-8")


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return found


def services(name: str) -> dict[str, dict[str, Any]]:
    """The services of a file; what one takes over from compose.kestra.yaml is put into it, as Compose does."""
    base = load("compose.kestra.yaml")["services"]["kestra"]
    found = {}
    for service, said in load(name)["services"].items():
        if said.get("extends") is not None:
            assert said["extends"] == {"file": "compose.kestra.yaml", "service": "kestra"}
            said = {**base, **said, "environment": {**base["environment"], **said.get("environment", {})}}
        found[service] = said
    return found


SERVICES = services("compose.prod.yaml")


@pytest.mark.parametrize("name", FILES)
def test_it_is_valid_by_the_published_schema(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / name],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_notices_a_fault(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(PRODUCTION.replace("cap_drop: [ALL]", "cap_dropped: [ALL]"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", wrong],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "cap_dropped" in done.stdout


def test_the_world_reaches_caddy_and_nothing_else() -> None:
    ports = {name: said["ports"] for name, said in SERVICES.items() if "ports" in said}
    assert ports == {"caddy": ["80:80", "443:443"], "kestra": ["127.0.0.1:8080:8080"]}
    for name in ("compose.yaml", "compose.cluster.yaml"):
        for said in services(name).values():
            assert all(str(port).startswith("127.0.0.1:") for port in said.get("ports", []))


def test_who_can_talk_to_whom() -> None:
    members: dict[str, set[str]] = {}
    for name, said in SERVICES.items():
        for network in said["networks"]:
            members.setdefault(network, set()).add(name)
    assert members == {
        "world": {"caddy"},
        "edge": {"caddy", "door"},
        "inside": {"door", "kestra", "flows"},
        "data": {"postgres", "kestra", "backup"},
        "out": {"kestra", "backup"},
    }
    networks = load("compose.prod.yaml")["networks"]
    assert {name for name, said in networks.items() if said.get("internal")} == {"edge", "inside", "data"}
    # Whom the door believes is Caddy's network, and no more.
    assert SERVICES["door"]["environment"]["DOOR_PROXIES"] == networks["edge"]["ipam"]["config"][0]["subnet"]


@pytest.mark.parametrize("name", SERVICES)
def test_each_container_has_as_few_rights_as_it_can(name: str) -> None:
    said = SERVICES[name]
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert said["read_only"] is True
    assert said.get("cap_add", []) == {
        "caddy": ["NET_BIND_SERVICE"],
        "backup": ["DAC_OVERRIDE", "CHOWN", "FOWNER"],
    }.get(name, [])
    assert not {"privileged", "network_mode", "pid", "devices"} & set(said)
    assert not any("docker.sock" in str(volume) for volume in said.get("volumes", []))
    assert said.get("user") in (None, "postgres") or name == "backup"


@pytest.mark.parametrize("name", SERVICES)
def test_each_container_is_bounded_and_comes_back(name: str) -> None:
    said = SERVICES[name]
    assert said["restart"] == ("on-failure:5" if name == "flows" else "unless-stopped")
    assert said["logging"]["driver"] == "local"
    assert said["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert said["pids_limit"] <= 1024
    if name != "flows":
        assert said["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def megabytes(size: str) -> int:
    assert size.endswith("m")
    return int(size.removesuffix("m"))


def test_all_fit_into_a_server_of_four_gigabytes() -> None:
    assert sum(megabytes(said["mem_limit"]) for said in SERVICES.values()) <= 3700
    # Half of it is the heap; the plugins' classes and eight tasks of 30 MB have to fit beside it.
    assert megabytes(SERVICES["kestra"]["mem_limit"]) // 2 >= 8 * 30 + 700


def test_the_door_gets_no_key_of_others() -> None:
    door = json.dumps(SERVICES["door"])
    assert SERVICES["door"]["env_file"] == [".env.door"]
    for secret in ("NOTION", "RESEND", "DISCORD", "POSTGRES", "KESTRA_PASSWORD"):
        assert secret not in door
    assert {name for name, said in SERVICES.items() if "env_file" in said} == {"door", "kestra"}


def test_every_image_is_pinned() -> None:
    images = {said["image"] for name in FILES for said in load(name)["services"].values() if "image" in said}
    settings = {name: value for image in images for name, value in re.findall(r"^\$\{(\w+_IMAGE):-(.+)\}$", image)}
    images = {image for image in images if "_IMAGE:-" not in image} | set(settings.values())
    # What is built has the same tags as what is pulled, and a setting of the same name for a digest.
    built = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == [f"${{{name}}}" for name in built]
    images |= set(built.values())
    assert settings | built == built | {"CADDY_IMAGE": settings["CADDY_IMAGE"]}
    builds = [said["build"] for name in FILES for said in load(name)["services"].values() if "build" in said]
    arguments = {name: value for build in builds for name, value in build["args"].items()}
    assert arguments == {name: f"${{{name}:-{tag}}}" for name, tag in built.items()}
    ours = {image for image in images if image.startswith("christmas-")}
    assert ours == {f"christmas-{name}:${{CHRISTMAS_VERSION:-local}}" for name in ("kestra", "door", "backup")}
    assert all(re.search(r":v?\d+\.\d+\.\d+|:16\.\d+", image) for image in images - ours), images
    assert "kestra/kestra:v1.3.31" in images
    # pg_dump must not be older than the server.
    assert [image for image in images if image.startswith("postgres:")] == [built["POSTGRES_IMAGE"]]


def test_kestra_is_waited_for_longer_than_its_tasks_may_take() -> None:
    configuration = load("kestra.yml")
    assert configuration["kestra"]["server"]["terminationGracePeriod"] == "10s"
    assert int(SERVICES["kestra"]["stop_grace_period"].removesuffix("s")) >= 20


def test_everything_that_kestras_configuration_asks_for_is_given() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)\}", (DEPLOY / "kestra.yml").read_text(encoding="utf-8")))
    assert asked
    for name in ("compose.yaml", "compose.prod.yaml", "compose.cluster.yaml"):
        for service, said in services(name).items():
            if "/app/christmas.yml" in str(said.get("command")) and "image" in said:
                assert asked <= set(said["environment"]), service


def test_the_settings_of_compose_are_these() -> None:
    """What deploy/.env may hold besides what `christmas secrets encode` reads; with a default unless it is required."""
    text = "".join((DEPLOY / name).read_text(encoding="utf-8") for name in FILES)
    required = set(re.findall(r"\$\{(\w+):\?", text))
    optional = set(re.findall(r"\$\{(\w+):-", text))
    assert required == {"POSTGRES_PASSWORD", "KESTRA_USERNAME", "KESTRA_PASSWORD", "DOMAIN"}
    assert optional == {
        "DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "DATABASE_USER", "DATABASE_SSLMODE",
        "BACKUP_HOURS", "BACKUP_DAYS", "BACKUP_FOLDER", "CHRISTMAS_VERSION",
        "KESTRA_IMAGE", "PYTHON_IMAGE", "POSTGRES_IMAGE", "CADDY_IMAGE",
    }  # fmt: skip
    assert set(re.findall(r"(?<!\$)\$\{(\w+)", text)) == required | optional
    documented = (PROJECT / "docs" / "production.md").read_text(encoding="utf-8")
    assert [name for name in sorted(required | optional) if f"`{name}`" not in documented] == []


def test_what_compose_hands_to_a_shell_is_left_to_that_shell() -> None:
    (check,) = SERVICES["postgres"]["healthcheck"]["test"][1:]
    assert re.findall(r"\$+", check) == ["$$"] * 3


def test_the_database_is_the_same_for_kestra_and_for_the_backup() -> None:
    kestra, backup = SERVICES["kestra"]["environment"], SERVICES["backup"]["environment"]
    for mine, libpq in (
        ("HOST", "PGHOST"),
        ("PORT", "PGPORT"),
        ("NAME", "PGDATABASE"),
        ("USER", "PGUSER"),
        ("SSLMODE", "PGSSLMODE"),
    ):
        assert kestra[f"DATABASE_{mine}"] == backup[libpq]
    assert kestra["POSTGRES_PASSWORD"] == backup["PGPASSWORD"]


def test_a_clusters_roles_are_kestras_and_share_one_storage() -> None:
    cluster = services("compose.cluster.yaml")
    roles = {name: said["command"][1] for name, said in cluster.items()}
    assert roles == {
        "kestra": "webserver",
        "executor": "executor",
        "scheduler": "scheduler",
        "indexer": "indexer",
        "worker": "worker",
    }
    assert cluster["worker"]["scale"] >= 2
    for name, said in cluster.items():
        assert name == "kestra" or said["volumes"] == ["kestra-storage:/app/storage"]
        assert "ports" not in said
    containers = len(cluster) - 1 + cluster["worker"]["scale"] + 2
    assert containers * cluster["worker"]["environment"]["DATABASE_CONNECTIONS"] < 100


def test_the_flows_are_deployed_by_a_command_that_there_is() -> None:
    from christmas_campaign.cli.main import main

    for name in ("compose.yaml", "compose.prod.yaml"):
        words = services(name)["flows"]["entrypoint"]
        assert words[:3] == ["christmas", "flows", "deploy"]
    assert "deploy" in main.commands["flows"].commands  # type: ignore[attr-defined]
