"""docs/production.md and docs/website.md: what they point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from deploy.conftest import DEPLOY, PROJECT

DOCS = PROJECT / "docs"
PAGES = ("production.md", "website.md")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = DOCS / name
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    assert links
    for link in links:
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_service_that_is_named_is_one() -> None:
    text = (DOCS / "production.md").read_text(encoding="utf-8")
    services = set(yaml.safe_load((DEPLOY / "compose.prod.yaml").read_text(encoding="utf-8"))["services"])
    named = re.findall(r"docker compose (?:exec|restart|stop|run --rm|ps) ([a-z]+)", text)
    named += re.findall(r"`(?:docker compose )?logs (?:--\S+ (?:\d+ )?)*([a-z]+)", text)
    assert len(named) > 10
    assert set(named) <= services


def test_every_file_of_deploy_that_is_named_is_there() -> None:
    for name in PAGES:
        text = (DOCS / name).read_text(encoding="utf-8")
        named = set(re.findall(r"\b(compose\.\w+\.yaml|kestra\.yml|\w+\.sh|Caddyfile|Dockerfile)\b", text))
        for each in named:
            assert (DEPLOY / each).exists(), f"{name}: {each}"
