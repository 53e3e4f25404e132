"""Finds the data sources of the campaign's databases in Notion, and stores their ids in Kestra for the flows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from christmas_campaign.clients.kestra import Kestra
from christmas_campaign.clients.notion import Notion
from christmas_campaign.deployment.environment import Environment
from christmas_campaign.steps.find_databases import NAMES

NAMESPACE = "christmas"


def key(ids: Mapping[str, str]) -> str:
    """Return the KV key for databases with these ids, which are given by the name of their setting.

    The variable `database_ids` of the flow `enroll` has the ids in the same order.
    """
    text = " ".join(ids[database.setting] for database in NAMES.values())
    return f"databases.{hashlib.sha256(text.encode()).hexdigest()}"


def store(kestra: Kestra, notion: Notion, ids: Mapping[str, str]) -> None:
    """Find the data sources of the databases with these ids and store them in Kestra.

    Raises ``NotionError`` and ``KestraError``.
    """
    sources = {name: notion.data_source(ids[database.setting]) for name, database in NAMES.items()}
    kestra.kv_put(key(ids), sources, NAMESPACE)


def find_and_store(kestra: Kestra, environment: Environment, *, unless_stored: bool = False) -> None:
    """Find and store the databases that the settings name; with ``unless_stored`` only if none are stored for these ids.

    Raises ``SettingError``, ``NotionError`` and ``KestraError``.
    """
    ids = {database.setting: environment.database(database) for database in NAMES.values()}
    if not unless_stored or kestra.kv_get(key(ids), NAMESPACE) is None:
        with environment.notion() as notion:
            store(kestra, notion, ids)
