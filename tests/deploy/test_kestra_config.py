"""Kestra's configuration: every key is one that was looked up, and what was tried on the embedded engine is the same here."""

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

#: Every key in deploy/kestra.yml, and where Kestra (1.3.31 where it is published) or Micronaut reads it. A key that nothing
#: reads is ignored without a word, so a new one is looked up first, and then written down here.
KNOWN = {
    "micronaut.server.netty.access-logger.enabled": "Micronaut's netty server; Kestra's own application.yml has it on",
    "endpoints.all.port": "Kestra's own application.yml; 8081",
    "endpoints.all.enabled": "micronaut-management: EndpointEnabledCondition",
    "endpoints.health.enabled": "micronaut-management: EndpointEnabledCondition, before `all`",
    "endpoints.prometheus.enabled": "micronaut-management: EndpointEnabledCondition, before `all`",
    "endpoints.stop.enabled": "micronaut-management: EndpointEnabledCondition, before `all`",
    "endpoints.refresh.enabled": "micronaut-management: EndpointEnabledCondition, before `all`",
    "endpoints.loggers.enabled": "micronaut-management: EndpointEnabledCondition, before `all`",
    "endpoints.threaddump.enabled": "micronaut-management: EndpointEnabledCondition, before `all`",
    "endpoints.beans.enabled": "micronaut-management: EndpointEnabledCondition, before `all`",
    "endpoints.routes.enabled": "micronaut-management: EndpointEnabledCondition, before `all`",
    "endpoints.env.enabled": "micronaut-management: EndpointEnabledCondition, before `all`",
    "datasources.postgres.url": "Micronaut's Hikari pool; postgres is the name that Kestra's repository needs",
    "datasources.postgres.driver-class-name": "Micronaut's Hikari pool",
    "datasources.postgres.username": "Micronaut's Hikari pool",
    "datasources.postgres.password": "Micronaut's Hikari pool",
    "datasources.postgres.maximum-pool-size": "Micronaut's Hikari pool",
    "kestra.url": "core: UriProvider, RunContextFactory",
    "kestra.queue.type": "jdbc-postgres",
    "kestra.repository.type": "core",
    "kestra.storage.type": "core: StorageInterfaceFactory",
    "kestra.storage.local.base-path": "storage-local",
    "kestra.tasks.tmp-dir.path": "core: WorkingDirFactory",
    "kestra.plugins.defaults": "core: PluginGlobalDefaultConfiguration; the executor puts them into old revisions too",
    "kestra.tutorial-flows.enabled": "webserver: FlowAutoLoaderService",
    "kestra.jdbc.queues.min-poll-interval": "jdbc: JdbcQueue.Configuration",
    "kestra.jdbc.queues.max-poll-interval": "jdbc: JdbcQueue.Configuration",
    "kestra.jdbc.cleaner.initial-delay": "jdbc: JdbcQueueCleaner",
    "kestra.jdbc.cleaner.fixed-delay": "jdbc: JdbcQueueCleaner",
    "kestra.jdbc.cleaner.retention": "jdbc: JdbcQueueCleaner.Configuration",
    "kestra.server.basic-auth.username": "webserver: BasicAuthService",
    "kestra.server.basic-auth.password": "webserver: BasicAuthService",
    "kestra.server.basic-auth.open-urls": "webserver: AuthenticationFilter, compared with the beginning of the path",
    "kestra.server.workerTaskRestartStrategy": "core: ServerConfig",
    "kestra.server.terminationGracePeriod": "core: ServerConfig",
    "kestra.server.liveness.enabled": "core: ServerConfig.Liveness",
    "kestra.server.liveness.interval": "core: ServerConfig.Liveness",
    "kestra.server.liveness.timeout": "core: ServerConfig.Liveness",
    "kestra.server.liveness.initialDelay": "core: ServerConfig.Liveness",
    "kestra.server.liveness.heartbeatInterval": "core: ServerConfig.Liveness",
    "kestra.server.service.purge.initial-delay": "jdbc: JdbcServiceLivenessCoordinator",
    "kestra.server.service.purge.fixed-delay": "jdbc: JdbcServiceLivenessCoordinator",
    "kestra.server.service.purge.retention": "jdbc: JdbcServiceLivenessCoordinator",
    "kestra.anonymous-usage-report.enabled": "core: ReportableScheduler",
    "kestra.ui-anonymous-usage-report.enabled": "webserver: MiscController",
}


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The keys that hold a value, written with dots."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from leaves(below, f"{path}.{name}" if path else str(name))
    else:
        yield path, value


PRODUCTION = dict(leaves(yaml.safe_load((DEPLOY / "kestra.yml").read_text(encoding="utf-8"))))
EMBEDDED = dict(
    leaves(yaml.safe_load((PROJECT / "engine/src/main/resources/application.yml").read_text(encoding="utf-8")))
)


def test_every_key_was_looked_up() -> None:
    assert set(PRODUCTION) == set(KNOWN)


def test_what_was_tried_on_the_embedded_engine_is_the_same_in_production() -> None:
    """After a crash, at a stop, and while it waits for work: the tests of crashes are of no use for other values."""
    same = [
        name for name in PRODUCTION if name.startswith(("kestra.server.", "kestra.jdbc.queues.", "kestra.anonymous"))
    ]
    same = [name for name in same if "basic-auth" not in name]
    assert len(same) > 10
    # `${NAME:value}` is a value that a single engine may have otherwise.
    tried = {name: re.sub(r"^\$\{\w+:(.*)\}$", r"\1", str(EMBEDDED[name])) for name in same}
    assert tried == {name: str(PRODUCTION[name]) for name in same}


def test_only_the_webhooks_need_no_password() -> None:
    assert PRODUCTION["kestra.server.basic-auth.open-urls"] == ["/ping", "/api/v1/main/executions/webhook/"]
    assert "kestra.server.basic-auth.enabled" not in PRODUCTION


def test_no_secret_stands_in_it() -> None:
    secret = {name: value for name, value in PRODUCTION.items() if name.endswith((".password", ".username"))}
    assert secret
    assert all(str(value).startswith("${") and str(value).endswith("}") for value in secret.values())


def test_the_log_of_calls_is_off_for_it_holds_the_webhooks_keys() -> None:
    assert PRODUCTION["micronaut.server.netty.access-logger.enabled"] is False


#: What Kestra's own configuration, under that of production, says of the management endpoints. The embedded engine's plugin
#: default is taken out, and a flow can read what the reports of the UI are set to.
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
    """All of deploy/kestra.yml but the database and the folders, which are the embedded engine's."""
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
    """A run of the older revision, once it has ended."""
    file = tmp_path_factory.mktemp("flows") / "older.yml"
    file.write_text(OLDER, encoding="utf-8")
    with Kestra(configured.engine.url) as kestra:
        kestra.import_flows([file])
        execution_id = kestra.run("older", namespace="engine.production")
        return until(lambda: None if (found := kestra.execution(execution_id)).live else found, "an end", 60)


def test_older_revision_gets_pip_from_the_server(older: Execution) -> None:
    assert older.state == "SUCCESS"


def test_reports_of_the_ui_are_off(older: Execution) -> None:
    assert older.outputs["reports"] == "false"


def test_management_port_serves_health_and_metrics(configured: Configured) -> None:
    health = httpx.get(f"{configured.management}/health", timeout=30)
    assert (health.status_code, health.json()["status"]) == (200, "UP")
    metrics = httpx.get(f"{configured.management}/prometheus", timeout=30)
    assert metrics.status_code == 200
    assert "jvm_memory_used_bytes" in metrics.text


def test_management_port_serves_nothing_else(configured: Configured) -> None:
    # `stop` comes last: where it is served, it ends the server.
    names = (
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
    )
    answers = {
        f"{method} /{name}": httpx.request(method, f"{configured.management}/{name}", timeout=30).status_code
        for name in names
        for method in ("GET", "POST")
    }
    assert {call: code for call, code in answers.items() if code != 404} == {}
    assert configured.engine.running
