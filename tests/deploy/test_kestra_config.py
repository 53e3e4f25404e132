"""Kestra's configuration: every key has a reader, and the values that the tests of the embedded engine use are the same."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import yaml
from support import free_port, until

from christmas_campaign.clients.kestra import Execution, Kestra
from christmas_campaign.local.engine import Engine
from deploy.conftest import DEPLOY, PROJECT

#: Every key in deploy/kestra.yml, and the part of Micronaut or of Kestra 1.3.31 that reads it. A key that nothing reads is
#: ignored without a message, so look a new key up before you add it here.
READERS = {
    "micronaut.server.netty.access-logger": ("Micronaut; Kestra's own application.yml has it on", "enabled"),
    "endpoints.all": (
        "Micronaut's EndpointEnabledCondition; Kestra's own application.yml has the port 8081",
        "port enabled",
    ),
    **{
        f"endpoints.{name}": ("Micronaut's EndpointEnabledCondition, before `all`", "enabled")
        for name in ["health", "prometheus", "stop", "refresh", "loggers", "threaddump", "beans", "routes", "env"]
    },
    # Kestra's repository needs the name `postgres`.
    "datasources.postgres": ("Micronaut's Hikari pool", "url driver-class-name username password maximum-pool-size"),
    "kestra": ("core: UriProvider, RunContextFactory", "url"),
    "kestra.queue": ("jdbc-postgres", "type"),
    "kestra.repository": ("core", "type"),
    "kestra.storage": ("core: StorageInterfaceFactory", "type"),
    "kestra.storage.local": ("storage-local", "base-path"),
    "kestra.tasks.tmp-dir": ("core: WorkingDirFactory", "path"),
    # The executor puts the defaults into old revisions too.
    "kestra.plugins": ("core: PluginGlobalDefaultConfiguration", "defaults"),
    "kestra.tutorial-flows": ("webserver: FlowAutoLoaderService", "enabled"),
    "kestra.jdbc.queues": ("jdbc: JdbcQueue.Configuration", "min-poll-interval max-poll-interval"),
    "kestra.jdbc.cleaner": ("jdbc: JdbcQueueCleaner and its Configuration", "initial-delay fixed-delay retention"),
    # AuthenticationFilter compares open-urls with the beginning of a path.
    "kestra.server.basic-auth": ("webserver: BasicAuthService, AuthenticationFilter", "username password open-urls"),
    "kestra.server": ("core: ServerConfig", "workerTaskRestartStrategy terminationGracePeriod"),
    "kestra.server.liveness": (
        "core: ServerConfig.Liveness",
        "enabled interval timeout initialDelay heartbeatInterval",
    ),
    "kestra.server.service.purge": ("jdbc: JdbcServiceLivenessCoordinator", "initial-delay fixed-delay retention"),
    "kestra.anonymous-usage-report": ("core: ReportableScheduler", "enabled"),
    "kestra.ui-anonymous-usage-report": ("webserver: MiscController", "enabled"),
}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the keys that hold a value, with their dotted paths."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from leaves(child, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


PRODUCTION = dict(leaves(yaml.safe_load((DEPLOY / "kestra.yml").read_text(encoding="utf-8"))))
EMBEDDED = dict(
    leaves(yaml.safe_load((PROJECT / "engine/src/main/resources/application.yml").read_text(encoding="utf-8")))
)


def test_every_key_has_a_reader() -> None:
    assert set(PRODUCTION) == {f"{path}.{name}" for path, (_, names) in READERS.items() for name in names.split()}


def test_crash_settings_of_the_embedded_engine_are_those_of_production() -> None:
    """The tests of crashes run on the embedded engine; they would prove nothing for other values."""
    prefixes = ("kestra.server.", "kestra.jdbc.queues.", "kestra.anonymous")
    production = {
        name: str(value) for name, value in PRODUCTION.items() if name.startswith(prefixes) and "basic-auth" not in name
    }
    assert len(production) > 10
    # `${NAME:value}` is a default that a test may replace.
    assert production == {name: re.sub(r"^\$\{\w+:(.*)\}$", r"\1", str(EMBEDDED[name])) for name in production}


def test_only_webhooks_need_no_password_and_no_secret_is_in_the_file() -> None:
    assert PRODUCTION["kestra.server.basic-auth.open-urls"] == ["/ping", "/api/v1/main/executions/webhook/"]
    accounts = [str(value) for name, value in PRODUCTION.items() if name.endswith((".password", ".username"))]
    assert accounts
    assert [value for value in accounts if not re.fullmatch(r"\$\{\w+\}", value)] == []
    # It would hold the keys of the webhooks.
    assert PRODUCTION["micronaut.server.netty.access-logger.enabled"] is False


#: The values of Kestra's own configuration, which that of production overrides. Without the embedded engine's plugin default;
#: with a variable by which a flow reads the setting of the UI's reports.
BASE = {
    "endpoints": {
        "all": {"port": 8081, "enabled": True, "sensitive": False},
        "loggers": {"write-sensitive": False},
        "env": {"enabled": True},
    },
    "kestra": {
        "plugins": {"defaults": []},
        "variables": {"globals": {"reports": "${kestra.ui-anonymous-usage-report.enabled:not set}"}},
    },
}

#: A revision from before flows named the package manager.
OLDER = """\
id: older
namespace: engine.production
tasks:
  - id: step
    type: io.kestra.plugin.scripts.python.Commands
    taskRunner: {type: io.kestra.plugin.core.runner.Process}
    commands: [python -S -c 'print(1)']
  - id: reports
    type: io.kestra.plugin.core.debug.Return
    format: "{{ globals.reports }}"
outputs:
  - {id: reports, type: STRING, value: "{{ outputs.reports.value }}"}
"""


class Configured(NamedTuple):
    """An engine with the configuration of production, and the address of its management endpoints."""

    engine: Engine
    management: str


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Configured]:
    """Run the embedded engine with deploy/kestra.yml, but with its own database and folders."""
    folder = tmp_path_factory.mktemp("configured")
    production = yaml.safe_load((DEPLOY / "kestra.yml").read_text(encoding="utf-8"))
    del production["datasources"]
    for name in ("queue", "repository", "storage", "tasks"):
        del production["kestra"][name]
    files = {folder / "base.yml": BASE, folder / "kestra.yml": production}
    for file, values in files.items():
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
    port = free_port()
    env = {
        **os.environ,
        "UV_PATH": "/bin/false",
        "ENGINE_MANAGEMENT": "yes",
        "MICRONAUT_CONFIG_FILES": ",".join(str(file) for file in files),
        "MICRONAUT_SERVER_HOST": "127.0.0.1",
        "MICRONAUT_SERVER_PORT": "-1",
        "ENDPOINTS_ALL_PORT": str(port),
    }
    with Engine(folder / "data", env=env) as engine:
        yield Configured(engine, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="module")
def older(configured: Configured, tmp_path_factory: pytest.TempPathFactory) -> Execution:
    """Return an execution of the older revision that has ended."""
    file = tmp_path_factory.mktemp("flows") / "older.yml"
    file.write_text(OLDER, encoding="utf-8")
    with Kestra(configured.engine.url) as kestra:
        kestra.import_flows([file])
        execution_id = kestra.run("older", namespace="engine.production")
        return until(lambda: None if (execution := kestra.execution(execution_id)).live else execution, "an end", 60)


def test_older_revision_gets_pip_from_the_server_and_ui_reports_are_off(older: Execution) -> None:
    assert (older.state, older.outputs["reports"]) == ("SUCCESS", "false")


def test_management_port_serves_health_and_metrics(configured: Configured) -> None:
    health = httpx.get(f"{configured.management}/health", timeout=30)
    assert (health.status_code, health.json()["status"]) == (200, "UP")
    metrics = httpx.get(f"{configured.management}/prometheus", timeout=30)
    assert metrics.status_code == 200
    assert "jvm_memory_used_bytes" in metrics.text


def test_management_port_serves_nothing_else(configured: Configured) -> None:
    # `stop` comes last: if it is served, it ends the server.
    names = [
        "beans",
        "env",
        "flyway",
        "info",
        "loggers",
        "metrics",
        "routes",
        "threaddump",
        "worker",
        "refresh",
        "stop",
    ]
    answers = {
        f"{method} /{name}": httpx.request(method, f"{configured.management}/{name}", timeout=30).status_code
        for name in names
        for method in ("GET", "POST")
    }
    assert {call: code for call, code in answers.items() if code != 404} == {}
    assert configured.engine.running
