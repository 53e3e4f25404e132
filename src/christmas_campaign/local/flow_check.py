"""Validates the flows with the engine, and finds the file and line of each problem."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from christmas_campaign.clients.flow_faults import Fault, line_of, problems
from christmas_campaign.clients.kestra import Kestra, KestraError
from christmas_campaign.local.engine import Engine


def check(folder: Path, environment: Mapping[str, str]) -> list[Fault]:
    """Let a real engine validate every ``*.yml`` file in ``folder``, and return all faults, sorted by file name.

    ``environment`` is the engine's. Raises ``ChildError`` or ``KestraError`` if the engine does not start or answer.
    """
    faults: list[Fault] = []
    with (
        tempfile.TemporaryDirectory() as data,
        Engine(Path(data), env=environment) as engine,
        Kestra(engine.url) as kestra,
    ):
        files = sorted(folder.glob("*.yml"))
        # Flows refer to each other, so all are imported (as far as they are valid) before the first is validated.
        with suppress(KestraError):
            kestra.import_flows(files)
        for file in files:
            source = file.read_text(encoding="utf-8")
            for violation in kestra.validate_flows(source):
                faults += [
                    Fault(file, line_of(source, problem), problem) for problem in problems(violation.constraints)
                ]
                faults += [Fault(file, 1, f"deprecated: {path}") for path in violation.deprecations]
                faults += [Fault(file, 1, warning) for warning in violation.warnings]
    return faults
