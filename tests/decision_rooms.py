"""The rooms (packages) with decisions: they need 95% coverage, and mutation testing changes them.

``python tests/decision_rooms.py`` prints them as a value for coverage's ``--include``.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src/christmas_campaign"

ROOMS = (
    "campaign",
    "sequences",
    "notion",
    "events",
    "stops",
    "enrolment",
    "email",
    "templates",
    "repair",
    "erasure",
    "steps",
)


def modules() -> dict[str, Path]:
    """Return the modules of these rooms by name, such as ``email/gate``."""
    paths = [path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py"))]
    return {str(path.relative_to(PACKAGE).with_suffix("")): path for path in paths}


if __name__ == "__main__":
    print(",".join(f"src/christmas_campaign/{room}/*" for room in ROOMS))
