"""All settings of an installation, as data: how each is called in ``deploy/.env``, what it becomes, how it is checked.

In ``deploy/.env`` a setting has its plain name and its plain value. Kestra gets it as ``SECRET_…`` (base64) or ``ENV_…``, the
door under the names that it reads; ``christmas secrets encode`` writes both.
"""

from __future__ import annotations

from christmas_campaign.deployment.campaign_settings import CAMPAIGN
from christmas_campaign.deployment.compose_settings import COMPOSE
from christmas_campaign.deployment.server_settings import SERVER
from christmas_campaign.deployment.setting import Setting

SETTINGS: tuple[Setting, ...] = (*CAMPAIGN, *SERVER, *COMPOSE)

#: What the door gets instead of what it must not know: its name there, and the setting of which it tells whether it is given.
DOOR_TELLS = {
    "DOOR_NOTION_CONFIGURED": "NOTION_TOKEN",
    "DOOR_RESEND_CONFIGURED": "RESEND_API_KEY",
    "DOOR_DISCORD_CONFIGURED": "DISCORD_WEBHOOK_URL",
}

#: The name under which the door gets whether testing mode is on.
DOOR_TESTING_MODE = "DOOR_TESTING_MODE"
