"""The list of all settings of an installation. Each has its name in ``deploy/.env``, its readers and its check.

In ``deploy/.env`` a setting has its plain name and its plain value. Kestra gets it as ``SECRET_…`` (base64) or ``ENV_…``, the
door under the name that the door reads. ``christmas secrets encode`` writes both.
"""

from __future__ import annotations

from christmas_campaign.deployment.campaign_settings import CAMPAIGN
from christmas_campaign.deployment.compose_settings import COMPOSE
from christmas_campaign.deployment.server_settings import SERVER
from christmas_campaign.deployment.setting import Setting

SETTINGS: tuple[Setting, ...] = (*CAMPAIGN, *SERVER, *COMPOSE)

#: Flags for the door in place of secrets that it must not know: the name of the flag, and the setting that it reports on.
DOOR_FLAGS = {
    "DOOR_NOTION_CONFIGURED": "NOTION_TOKEN",
    "DOOR_RESEND_CONFIGURED": "RESEND_API_KEY",
    "DOOR_DISCORD_CONFIGURED": "DISCORD_WEBHOOK_URL",
}

#: The variable that tells the door whether testing mode is on.
DOOR_TESTING_MODE = "DOOR_TESTING_MODE"
