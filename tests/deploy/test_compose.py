"""The Compose files: their schema, networks, rights, limits and settings."""

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


def load(name: str) -> dict[str, Any]:
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return compose


def services(name: str) -> dict[str, dict[str, Any]]:
    """Return the services of a file; those that extend compose.kestra.yaml are merged with it, as Compose does."""
    base = load("compose.kestra.yaml")["services"]["kestra"]
    merged = {}
    for service, own in load(name)["services"].items():
        merged[service] = own
        if own.get("extends") is not None:
            assert own["extends"] == {"file": "compose.kestra.yaml", "service": "kestra"}
            merged[service] = {**base, **own, "environment": {**base["environment"], **own.get("environment", {})}}
    return merged


SERVICES = services("compose.prod.yaml")


def test_files_are_valid_by_the_published_schema(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    production = (DEPLOY / "compose.prod.yaml").read_text(encoding="utf-8")
    wrong.write_text(production.replace("cap_drop: [ALL]", "cap_dropped: [ALL]"), encoding="utf-8")
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, *(DEPLOY / name for name in FILES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([*check, wrong], capture_output=True, text=True, check=False)
    assert (done.returncode, "cap_dropped" in done.stdout) == (1, True)


def test_only_caddy_is_reachable_from_outside() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"caddy": ["80:80", "443:443"], "kestra": ["127.0.0.1:8080:8080"]}
    for name in ("compose.yaml", "compose.cluster.yaml"):
        published = [str(port) for service in services(name).values() for port in service.get("ports", [])]
        assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_networks_separate_the_services() -> None:
    members: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for network in service["networks"]:
            members.setdefault(network, set()).add(name)
    assert members == {
        "world": {"caddy"},
        "edge": {"caddy", "door"},
        "inside": {"door", "kestra", "flows"},
        "data": {"postgres", "kestra", "backup"},
        "out": {"kestra", "backup"},
    }
    networks = load("compose.prod.yaml")["networks"]
    assert {name for name, network in networks.items() if network.get("internal")} == {"edge", "inside", "data"}
    # The door trusts the X-Forwarded-For header from Caddy's network only.
    assert SERVICES["door"]["environment"]["DOOR_PROXIES"] == networks["edge"]["ipam"]["config"][0]["subnet"]


@pytest.mark.parametrize("name", SERVICES)
def test_container_has_few_rights_and_limits_and_restarts(name: str) -> None:
    service = SERVICES[name]
    assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
    assert service["read_only"] is True
    added = {"caddy": ["NET_BIND_SERVICE"], "backup": ["DAC_OVERRIDE", "CHOWN", "FOWNER"]}
    assert service.get("cap_add", []) == added.get(name, [])
    assert not {"privileged", "network_mode", "pid", "devices"} & set(service)
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", []))
    assert service.get("user") in (None, "postgres") or name == "backup"
    assert service["restart"] == ("on-failure:5" if name == "flows" else "unless-stopped")
    assert service["logging"] == {"driver": "local", "options": {"max-size": "20m", "max-file": "5"}}
    assert service["pids_limit"] <= 1024
    assert name == "flows" or service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


def megabytes(size: str) -> int:
    assert size.endswith("m")
    return int(size.removesuffix("m"))


def test_containers_fit_into_a_server_of_four_gigabytes() -> None:
    assert sum(megabytes(service["mem_limit"]) for service in SERVICES.values()) <= 3700
    # Half of Kestra's memory is the heap. The plugins' classes and eight tasks of 30 MB need the rest.
    assert megabytes(SERVICES["kestra"]["mem_limit"]) // 2 >= 8 * 30 + 700


def test_door_gets_no_secret_of_others() -> None:
    door = json.dumps(SERVICES["door"])
    assert SERVICES["door"]["env_file"] == [".env.door"]
    for secret in ("NOTION", "RESEND", "DISCORD", "POSTGRES", "KESTRA_PASSWORD"):
        assert secret not in door
    assert {name for name, service in SERVICES.items() if "env_file" in service} == {"door", "kestra"}


def test_every_image_is_pinned() -> None:
    all_services = [service for name in FILES for service in load(name)["services"].values()]
    images = {service["image"] for service in all_services if "image" in service}
    settings = {name: value for image in images for name, value in re.findall(r"^\$\{(\w+_IMAGE):-(.+)\}$", image)}
    images = {image for image in images if "_IMAGE:-" not in image} | set(settings.values())
    # The images that are built have tags too, and a setting of the same name for a digest.
    built = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == [f"${{{name}}}" for name in built]
    images |= set(built.values())
    assert settings | built == built | {"CADDY_IMAGE": settings["CADDY_IMAGE"]}
    builds = [service["build"]["args"] for service in all_services if "build" in service]
    arguments = {name: value for build in builds for name, value in build.items()}
    assert arguments == {name: f"${{{name}:-{tag}}}" for name, tag in built.items()}
    ours = {image for image in images if image.startswith("christmas-")}
    assert ours == {f"christmas-{name}:${{CHRISTMAS_VERSION:-local}}" for name in ("kestra", "door", "backup")}
    assert all(re.search(r":v?\d+\.\d+\.\d+|:16\.\d+", image) for image in images - ours), images
    assert "kestra/kestra:v1.3.31" in images
    # pg_dump must not be older than the server.
    assert [image for image in images if image.startswith("postgres:")] == [built["POSTGRES_IMAGE"]]


def test_compose_waits_longer_for_kestra_than_its_tasks_may_take() -> None:
    configuration = load("kestra.yml")
    assert configuration["kestra"]["server"]["terminationGracePeriod"] == "10s"
    assert int(SERVICES["kestra"]["stop_grace_period"].removesuffix("s")) >= 20


def test_kestra_gets_every_variable_of_its_configuration() -> None:
    variables = set(re.findall(r"\$\{([A-Z_]+)\}", (DEPLOY / "kestra.yml").read_text(encoding="utf-8")))
    assert variables
    for name in ("compose.yaml", "compose.prod.yaml", "compose.cluster.yaml"):
        for service_name, service in services(name).items():
            if "/app/christmas.yml" in str(service.get("command")) and "image" in service:
                assert variables <= set(service["environment"]), service_name


def test_compose_reads_these_settings_and_production_md_lists_them() -> None:
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


def test_repair_asks_the_door_where_there_is_one() -> None:
    door = f"http://door:{SERVICES['door']['environment']['DOOR_LISTEN'].rpartition(':')[2]}"
    assert SERVICES["kestra"]["environment"]["ENV_DOOR_URL"] == door
    assert set(SERVICES["kestra"]["networks"]) & set(SERVICES["door"]["networks"])
    assert services("compose.cluster.yaml")["worker"]["environment"]["ENV_DOOR_URL"] == door
    assert services("compose.yaml")["kestra"]["environment"]["ENV_DOOR_URL"] == ""


def test_variables_of_the_health_check_are_left_to_its_shell() -> None:
    (check,) = SERVICES["postgres"]["healthcheck"]["test"][1:]
    assert re.findall(r"\$+", check) == ["$$"] * 3


def test_backup_uses_the_database_of_kestra() -> None:
    kestra, backup = SERVICES["kestra"]["environment"], SERVICES["backup"]["environment"]
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "NAME": "PGDATABASE", "USER": "PGUSER", "SSLMODE": "PGSSLMODE"}
    assert {name: kestra[f"DATABASE_{name}"] for name in names} == {name: backup[pg] for name, pg in names.items()}
    assert kestra["POSTGRES_PASSWORD"] == backup["PGPASSWORD"]


def test_cluster_runs_each_role_of_kestra_on_one_storage() -> None:
    cluster = services("compose.cluster.yaml")
    others = {role: role for role in ("executor", "scheduler", "indexer", "worker")}
    assert {name: service["command"][1] for name, service in cluster.items()} == {"kestra": "webserver", **others}
    assert cluster["worker"]["scale"] >= 2
    for name, service in cluster.items():
        assert name == "kestra" or service["volumes"] == ["kestra-storage:/app/storage"]
        assert "ports" not in service
    containers = len(cluster) - 1 + cluster["worker"]["scale"] + 2
    assert containers * cluster["worker"]["environment"]["DATABASE_CONNECTIONS"] < 100
