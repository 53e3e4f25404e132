"""The settings that only Compose reads: another database, the backups, the images. All of them are optional."""

from __future__ import annotations

from christmas_campaign.deployment import value_checks as checks
from christmas_campaign.deployment.setting import Setting

_DATABASE, _BACKUPS = "Another database", "Backups"


def _image(name: str, use: str, file: str) -> Setting:
    description = f"The image of {use}: NAME:TAG, or NAME:TAG@sha256:DIGEST for one exact version."
    return Setting(
        name,
        "Elsewhere",
        description,
        checks.image,
        if_empty=f"it is the one in {file}",
        compose=True,
        in_example=False,
    )


COMPOSE: tuple[Setting, ...] = (
    Setting(
        "DATABASE_HOST",
        _DATABASE,
        "A machine with PostgreSQL 16, to use in place of the database in Compose. POSTGRES_PASSWORD is its password.",
        checks.text,
        looks_like="db.example.com",
        if_empty="it is the one in Compose",
        compose=True,
    ),
    Setting("DATABASE_PORT", _DATABASE, "Its port.", checks.count, if_empty="it is 5432", compose=True),
    Setting(
        "DATABASE_NAME", _DATABASE, "The name of the database.", checks.text, if_empty="it is kestra", compose=True
    ),
    Setting(
        "DATABASE_USER",
        _DATABASE,
        "The user that owns the database.",
        checks.text,
        if_empty="it is kestra",
        compose=True,
    ),
    Setting(
        "DATABASE_SSLMODE",
        _DATABASE,
        "How the connection is protected: prefer, require, verify-ca or verify-full.",
        checks.sslmode,
        looks_like="verify-full",
        if_empty="it is prefer",
        compose=True,
    ),
    Setting(
        "BACKUP_HOURS",
        _BACKUPS,
        "The hours between two backups.",
        checks.count,
        if_empty="it is 6",
        compose=True,
    ),
    Setting("BACKUP_DAYS", _BACKUPS, "The days to keep a backup.", checks.count, if_empty="it is 14", compose=True),
    Setting(
        "BACKUP_FOLDER",
        _BACKUPS,
        "The folder on this server to write the backups to.",
        checks.text,
        looks_like="/srv/backups",
        if_empty="it is deploy/backups",
        compose=True,
    ),
    Setting(
        "CHRISTMAS_VERSION",
        "Elsewhere",
        "The tag of the images that are built on this server.",
        checks.text,
        if_empty="it is local",
        compose=True,
        in_example=False,
    ),
    _image("KESTRA_IMAGE", "Kestra", "deploy/Dockerfile"),
    _image("PYTHON_IMAGE", "the door", "deploy/Dockerfile"),
    _image("POSTGRES_IMAGE", "PostgreSQL and of the backup", "deploy/Dockerfile"),
    _image("CADDY_IMAGE", "Caddy", "deploy/compose.prod.yaml"),
)
