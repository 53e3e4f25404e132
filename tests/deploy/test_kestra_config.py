"""Kestra's configuration: every key is one that was looked up, and what was tried on the embedded engine is the same here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from deploy.conftest import DEPLOY, PROJECT

#: Every key in deploy/kestra.yml, and where Kestra (1.3.31 where it is published) or Micronaut reads it. A key that nothing
#: reads is ignored without a word, so a new one is looked up first, and then written down here.
KNOWN = {
    "micronaut.server.netty.access-logger.enabled": "Micronaut's netty server; Kestra's own application.yml has it on",
    "endpoints.all.port": "Kestra's own application.yml; 8081",
    "endpoints.env.enabled": "Micronaut's management endpoints",
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
