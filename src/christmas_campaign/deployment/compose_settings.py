"""The settings that Compose alone reads: another database, the backups, the images. None of them is needed."""

from __future__ import annotations

from christmas_campaign.deployment import value_checks as checks
from christmas_campaign.deployment.setting import Setting

_DATABASE, _BACKUPS = "Another database", "Backups"


def _image(name: str, what: str, file: str) -> Setting:
    words = f"The image of {what}, as NAME:TAG or, pinned, as NAME:TAG@sha256:DIGEST."
    return Setting(
        name, "Elsewhere", words, checks.image, without=f"it is the one in {file}", compose=True, shown=False
    )


COMPOSE: tuple[Setting, ...] = (
    Setting(
        "DATABASE_HOST",
        _DATABASE,
        "A PostgreSQL 16 on another machine, with POSTGRES_PASSWORD.",
        checks.text,
        like="db.example.com",
        without="it is the one in Compose",
        compose=True,
    ),
    Setting("DATABASE_PORT", _DATABASE, "Its port.", checks.count, without="it is 5432", compose=True),
    Setting("DATABASE_NAME", _DATABASE, "The name of the database.", checks.text, without="it is kestra", compose=True),
    Setting(
        "DATABASE_USER",
        _DATABASE,
        "The user that owns the database.",
        checks.text,
        without="it is kestra",
        compose=True,
    ),
    Setting(
        "DATABASE_SSLMODE",
        _DATABASE,
        "How the connection is protected: prefer, require, verify-ca or verify-full.",
        checks.sslmode,
        like="verify-full",
        without="it is prefer",
        compose=True,
    ),
    Setting(
        "BACKUP_HOURS",
        _BACKUPS,
        "How many hours lie between two backups.",
        checks.count,
        without="it is 6",
        compose=True,
    ),
    Setting("BACKUP_DAYS", _BACKUPS, "For how many days one is kept.", checks.count, without="it is 14", compose=True),
    Setting(
        "BACKUP_FOLDER",
        _BACKUPS,
        "The folder on this server that they go into.",
        checks.text,
        like="/srv/backups",
        without="it is deploy/backups",
        compose=True,
    ),
    Setting(
        "CHRISTMAS_VERSION",
        "Elsewhere",
        "The tag of the images that are built here.",
        checks.text,
        without="it is local",
        compose=True,
        shown=False,
    ),
    _image("KESTRA_IMAGE", "Kestra", "deploy/Dockerfile"),
    _image("PYTHON_IMAGE", "the door", "deploy/Dockerfile"),
    _image("POSTGRES_IMAGE", "PostgreSQL, and of the backup", "deploy/Dockerfile"),
    _image("CADDY_IMAGE", "Caddy", "deploy/compose.prod.yaml"),
)
