"""Paths of files that are not code: the campaign's content, the flows, and the checkout of the project.

The package has the content and the flows in its folder ``shipped``. In a checkout, ``shipped`` holds symbolic links to the
folders at the top of the project; in an installation it holds copies.
"""

from __future__ import annotations

import os
from pathlib import Path

from christmas_campaign.errors import CommandError

_PACKAGE = Path(__file__).parent
_SHIPPED = _PACKAGE / "shipped"

#: The environment variable that names a folder with ``content/`` and ``examples/``; it replaces those of the package.
CONTENT_SETTING = "CHRISTMAS_CONTENT"

#: The flows that belong to this version of the steps.
FLOWS = (_SHIPPED / "flows").resolve()

#: The top folder of the checkout. It means nothing in an installation: see ``is_checkout``.
CHECKOUT = _PACKAGE.parents[1]


class FolderError(CommandError):
    """A folder is missing. The message names the setting and the correction."""


def content() -> Path:
    """Return the folder with the templates and their layout.

    Raises ``FolderError``.
    """
    return _campaign_folder("content")


def examples() -> Path:
    """Return the folder with the example payloads and contacts.

    Raises ``FolderError``.
    """
    return _campaign_folder("examples")


def is_checkout() -> bool:
    """Return whether the package runs from a checkout, which has the engine's sources; an installation does not."""
    return (CHECKOUT / "engine" / "pom.xml").is_file()


def _campaign_folder(name: str) -> Path:
    own_folder = os.environ.get(CONTENT_SETTING)
    folder = (Path(own_folder) if own_folder else _SHIPPED) / name
    if own_folder and not folder.is_dir():
        raise FolderError(
            f"{CONTENT_SETTING}: {own_folder} has no folder {name}; "
            "name a folder that holds content/ and examples/, or unset it to use the campaign's own"
        )
    return folder.resolve()
