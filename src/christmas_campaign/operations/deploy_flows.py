"""Deploys the flows to a running Kestra: new flows, and new revisions of changed ones. It deletes no flow."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.errors import CommandError


class Deployed(NamedTuple):
    """The flow ids in order: new, changed and unchanged ones, and those that only Kestra has."""

    created: list[str]
    changed: list[str]
    same: list[str]
    only_in_kestra: list[str]


def deploy(kestra: Kestra, folder: Path, namespace: str = "christmas") -> Deployed:
    """Deploy every ``*.yml`` in ``folder`` to Kestra; a refused file does not keep the others from being deployed.

    Raises ``CommandError`` for a folder without flows, and ``KestraError`` that names every file that Kestra refused.
    """
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise CommandError(f"there is no flow (*.yml) in {folder}")
    before = _revisions(kestra, namespace)
    kestra.import_flows(files)
    after = _revisions(kestra, namespace)
    ids = [_id(file) for file in files]
    missing = [flow_id for flow_id in ids if flow_id not in after]
    if missing:
        names = ", ".join(missing)
        raise CommandError(f"Kestra accepted the files, but has no flow {names} in the namespace {namespace}")
    return Deployed(
        created=[flow_id for flow_id in ids if flow_id not in before],
        changed=[flow_id for flow_id in ids if flow_id in before and before[flow_id] != after[flow_id]],
        same=[flow_id for flow_id in ids if before.get(flow_id) == after[flow_id]],
        only_in_kestra=sorted(set(after) - set(ids)),
    )


def wait_for(kestra: Kestra, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until Kestra responds, at most ``seconds``. Raises ``KestraError``, at once if Kestra responds with a refusal."""
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
    """Return the id of the flow in a file, from its line ``id: …``."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("id:"):
            return line.removeprefix("id:").strip()
    raise CommandError(f"{file} has no line that begins with id:")
