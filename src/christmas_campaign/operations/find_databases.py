"""Where the campaign's databases are: found in Notion, and kept in Kestra for the flows that query them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.steps.find_databases import NAMES

NAMESPACE = "christmas"


def key(ids: Mapping[str, str]) -> str:
    """Return the key of the KV entry for databases with these ids, which are given by the names of their settings.

    The variable `database_ids` of the flow `enroll` names them in the same order.
    """
    text = " ".join(ids[database.setting] for database in NAMES.values())
    return f"databases.{hashlib.sha256(text.encode()).hexdigest()}"


def keep(kestra: Kestra, notion: Notion, ids: Mapping[str, str]) -> None:
    """Find the data sources of the databases with these ids and keep them in Kestra.

    Raises ``NotionError`` and ``KestraError``.
    """
    sources = {name: notion.data_source(ids[database.setting]) for name, database in NAMES.items()}
    kestra.kv_put(key(ids), sources, NAMESPACE)


def find_and_keep(kestra: Kestra, environment: Environment, *, unless_known: bool = False) -> None:
    """Find and keep the databases that the settings name; with ``unless_known`` only if nothing is kept for them.

    Raises ``SettingError``, ``NotionError`` and ``KestraError``.
    """
    ids = {database.setting: environment.database(database) for database in NAMES.values()}
    if not unless_known or kestra.kv_get(key(ids), NAMESPACE) is None:
        with environment.notion() as notion:
            keep(kestra, notion, ids)
