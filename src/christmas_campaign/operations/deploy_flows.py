"""Deploying the flows to a Kestra that runs: new ones, new revisions of those that changed; none is deleted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.errors import CommandError


class Deployed(NamedTuple):
    """The ids of the flows, in order: those that are new, changed or as they were, and those that Kestra has besides them."""

    created: list[str]
    changed: list[str]
    same: list[str]
    besides: list[str]


def deploy(kestra: Kestra, folder: Path, namespace: str = "christmas") -> Deployed:
    """Bring every ``*.yml`` in ``folder`` to Kestra.

    All that can be deployed are, also when one cannot. Raises ``CommandError`` for a folder without flows, ``KestraError`` that
    names every file that Kestra refused.
    """
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise CommandError(f"there is no flow (*.yml) in {folder}")
    before = _revisions(kestra, namespace)
    kestra.import_flows(files)
    after = _revisions(kestra, namespace)
    ids = [_id(file) for file in files]
    missing = [found for found in ids if found not in after]
    if missing:
        raise CommandError(f"Kestra took them, but has no flow {', '.join(missing)} in the namespace {namespace}")
    return Deployed(
        created=[found for found in ids if found not in before],
        changed=[found for found in ids if found in before and before[found] != after[found]],
        same=[found for found in ids if before.get(found) == after[found]],
        besides=sorted(set(after) - set(ids)),
    )


def wait_for(kestra: Kestra, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until Kestra answers, at most so long. Raises ``KestraError``, at once where Kestra answers with a refusal."""
    end = time.monotonic() + seconds
    while True:
        try:
            kestra.flows()
        except KestraError as error:
            busy = error.status is None or error.status >= 500
            if not busy or time.monotonic() >= end:
                raise
        else:
            return
        sleep(1)


def _revisions(kestra: Kestra, namespace: str) -> dict[str, int]:
    return {flow.id: flow.revision for flow in kestra.flows(namespace)}


def _id(file: Path) -> str:
    """The id of the flow in a file, which begins with it."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("id:"):
            return line.removeprefix("id:").strip()
    raise CommandError(f"{file} has no line that begins with id:")
