"""The unit tests' own settings: properties are tried with the same examples each time, so that a red test stays red."""

from __future__ import annotations

import os
import subprocess
from typing import NoReturn

import hypothesis
import pytest

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "fixed")

hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=150)
hypothesis.settings.register_profile("mutants", derandomize=True, deadline=None, database=None, max_examples=25)
hypothesis.settings.register_profile("explore", deadline=None, database=None, max_examples=5_000)
hypothesis.settings.load_profile(PROFILE)

if PROFILE == "mutants":

    @pytest.fixture(autouse=True)
    def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
        """`scripts/mutants` changes the decisions within one process: in another there is nothing to see."""

        def skip(*_: object, **__: object) -> NoReturn:
            pytest.skip("starts a process")

        monkeypatch.setattr(subprocess, "Popen", skip)
