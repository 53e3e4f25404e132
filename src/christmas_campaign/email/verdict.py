"""The verdict on a template's HTML: whether a browser shows it as its author meant it.

``templates.html_verdict`` makes a verdict with an HTML parser. Importing the parser takes a third of a step's time, so
``read-template`` keeps the verdict with the template. The digest says which HTML the verdict is about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from christmas_campaign.json_types import JsonObject


class ReaderFault(NamedTuple):
    """Something that a reader does not see as its author meant it, and how to correct it (``mend``)."""

    problem: str
    mend: str


class Verdict(NamedTuple):
    """The verdict on one HTML body.

    ``digest`` is the digest of that HTML, ``lacks`` the footer placeholders that no reader sees, ``faults`` everything else.
    """

    digest: str
    lacks: tuple[str, ...]
    faults: tuple[ReaderFault, ...]

    def as_json(self) -> JsonObject:
        """Return the verdict as JSON, for the KV store."""
        return {"digest": self.digest, "lacks": list(self.lacks), "faults": [list(fault) for fault in self.faults]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Verdict:
        """Read what ``as_json`` has written."""
        return cls(
            value["digest"],
            tuple(value["lacks"]),
            tuple(ReaderFault(problem, mend) for problem, mend in value["faults"]),
        )


#: Returns the verdict on an HTML body.
Judge = Callable[[str], Verdict]


def digest(html: str) -> str:
    """Return the digest of an HTML body as it is in Notion."""
    return hashlib.sha256(html.encode(errors="surrogatepass")).hexdigest()
