"""docs/production.md and docs/website.md name services and files that exist."""

from __future__ import annotations

import re

import yaml

from deploy.conftest import DEPLOY, PROJECT

DOCS = PROJECT / "docs"
PAGES = ("production.md", "website.md")


def test_services_in_the_commands_exist() -> None:
    text = (DOCS / "production.md").read_text(encoding="utf-8")
    services = set(yaml.safe_load((DEPLOY / "compose.prod.yaml").read_text(encoding="utf-8"))["services"])
    named = re.findall(r"docker compose (?:exec|restart|stop|run --rm|ps) ([a-z]+)", text)
    named += re.findall(r"`(?:docker compose )?logs (?:--\S+ (?:\d+ )?)*([a-z]+)", text)
    assert len(named) > 10
    assert set(named) <= services


def test_files_of_deploy_exist() -> None:
    for name in PAGES:
        text = (DOCS / name).read_text(encoding="utf-8")
        named = set(re.findall(r"\b(compose\.\w+\.yaml|kestra\.yml|\w+\.sh|Caddyfile|Dockerfile)\b", text))
        missing = {file for file in named if not (DEPLOY / file).exists()}
        assert missing == set(), name
