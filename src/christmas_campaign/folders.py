"""Where a command finds files that are not code: the campaign's content, the flows, and the checkout of the project.

The package carries the content and the flows in its folder ``shipped``. In a checkout these are symbolic links to the folders
at its top; in an installation they are copies.
"""

from __future__ import annotations

import os
from pathlib import Path

from christmas_campaign.errors import CommandError

_PACKAGE = Path(__file__).parent
_SHIPPED = _PACKAGE / "shipped"

#: The environment variable that names a folder with ``content/`` and ``examples/``, to use in place of the package's own.
CONTENT_SETTING = "CHRISTMAS_CONTENT"

#: The flows that belong to this version of the steps.
FLOWS = (_SHIPPED / "flows").resolve()

#: The root of the checkout, where there is one (``is_checkout``).
CHECKOUT = _PACKAGE.parents[1]


class FolderError(CommandError):
    """A folder is missing; the message names the setting and the correction."""


def content() -> Path:
    """Return the folder with the templates and their layout. Raises ``FolderError``."""
    return _campaign_folder("content")


def examples() -> Path:
    """Return the folder with the example payloads and contacts. Raises ``FolderError``."""
    return _campaign_folder("examples")


def is_checkout() -> bool:
    """Return whether the package runs from a checkout of the project, which has the engine's sources."""
    return (CHECKOUT / "engine" / "pom.xml").is_file()


def _campaign_folder(name: str) -> Path:
    chosen = os.environ.get(CONTENT_SETTING)
    folder = (Path(chosen) if chosen else _SHIPPED) / name
    if chosen and not folder.is_dir():
        raise FolderError(
            f"{CONTENT_SETTING}: {chosen} has no folder {name}; "
            "name a folder that holds content/ and examples/, or unset it to use the campaign's own"
        )
    return folder.resolve()
