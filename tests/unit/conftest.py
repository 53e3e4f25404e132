"""The unit tests' own settings: properties are tried with the same examples each time, so that a red test stays red."""

from __future__ import annotations

import os

import hypothesis

hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=150)
hypothesis.settings.register_profile("explore", deadline=None, database=None, max_examples=5_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
