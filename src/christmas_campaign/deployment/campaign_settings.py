"""The settings of the campaign: its accounts, its e-mails, its webhooks."""

from __future__ import annotations

from christmas_campaign.campaign import facts
from christmas_campaign.campaign.settings import EXPIRES_AFTER_DAYS, NOTION_RATE, RESEND_RATE
from christmas_campaign.deployment import value_checks as checks
from christmas_campaign.deployment.setting import FILL_IN, TO_BE_MADE, Kestra, Made, Setting
from christmas_campaign.notion.schema import DATABASES
from christmas_campaign.sequences.registry import SEQUENCES


def _database(setting: str, title: str) -> Setting:
    return Setting(
        setting,
        "Notion",
        f'The id of the database "{title}". Open it in Notion as a whole page and copy its address: it is the 32 letters and '
        "digits before the ?. The database must be shared with the integration: its menu, Connections.",
        checks.notion_id,
        example=FILL_IN,
        like="0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        required=True,
        kestra=Kestra.SECRET,
    )


def _webhook(name: str, handler: str, whoever: str = "can start the sequence") -> Setting:
    return Setting(
        name,
        "Webhooks",
        f"The last part of the address of Kestra's webhook {handler}: whoever knows it {whoever}.",
        checks.webhook_key,
        example=TO_BE_MADE,
        required=True,
        kestra=Kestra.SECRET,
        door=True,
        secret=True,
        made=Made.KEY,
        told="run christmas secrets encode and start Kestra and the door again (docker compose up -d); whoever posts to the "
        f"address of Kestra's own webhook {handler} needs the new one, all others need nothing",
    )


CAMPAIGN: tuple[Setting, ...] = (
    Setting(
        "NOTION_TOKEN",
        "Notion",
        "The secret of the integration by which the campaign reads and writes Notion. In Notion: Settings, Connections, "
        "Develop or manage integrations. It begins with ntn_.",
        checks.notion_token,
        example=f"ntn_{FILL_IN}",
        required=True,
        kestra=Kestra.SECRET,
        secret=True,
    ),
    *(_database(each.setting, each.title) for each in DATABASES),
    Setting(
        "RESEND_API_KEY",
        "Resend",
        "The key by which e-mails are sent. In Resend: API Keys, with sending access. It begins with re_.",
        checks.resend_key,
        example=f"re_{FILL_IN}",
        required=True,
        kestra=Kestra.SECRET,
        secret=True,
    ),
    Setting(
        "TESTING_MODE",
        "E-mails",
        "true: e-mails go out after 1, 2, 3 and 4 minutes instead of hours and days. false: in production.",
        checks.switch,
        example="false",
        required=True,
        kestra=Kestra.SECRET,
    ),
    Setting(
        "SENDER_ADDRESS",
        "E-mails",
        "The address in the From line, at a domain that Resend has verified (Resend: Domains).",
        checks.address,
        example="value@mail.example.com",
        required=True,
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "SENDER_NAME",
        "E-mails",
        "The name in the From line, and on the page to unsubscribe.",
        checks.text,
        example=facts.SENDER_NAME,
        without=f"it is {facts.SENDER_NAME}",
        kestra=Kestra.ENVIRONMENT,
        door=True,
    ),
    Setting(
        "UNSUBSCRIBE_ADDRESS",
        "E-mails",
        "The address for those who unsubscribe by a mail of their own, beside the page. Somebody reads it.",
        checks.address,
        like="unsubscribe@mail.example.com",
        without="e-mails name the page alone",
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "PUBLIC_URL",
        "E-mails",
        "The door's address for the world, with https://: the links to unsubscribe begin with it, and have to work long after. "
        "It is https:// and DOMAIN, unless the world calls another name.",
        checks.public_url,
        example="https://campaign.example.com",
        required=True,
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "UNSUBSCRIBE_KEY",
        "E-mails",
        "By it the links to unsubscribe are made, and known again at the door. Several, separated by commas, hold side by "
        "side: the first one makes new links.",
        checks.unsubscribe_keys,
        example=TO_BE_MADE,
        required=True,
        kestra=Kestra.SECRET,
        door=True,
        secret=True,
        made=Made.TEXT,
        several=True,
        told="run christmas secrets encode and start Kestra and the door again (docker compose up -d); the links in e-mails "
        "that were sent are of the old one, and have to work for 60 days at least",
    ),
    Setting(
        "POSTAL_ADDRESS",
        "E-mails",
        "The sender's postal address, which the law wants in every e-mail. On one line; \\n between two lines becomes a comma.",
        checks.text,
        example=FILL_IN,
        like="1 Example Street, Toronto ON M5V 0A1, Canada",
        required=True,
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "CALENDLY_LINK",
        "E-mails",
        "The page on which a contact books a call; the templates name it.",
        checks.link,
        example="https://calendly.example.com/diagnostic",
        required=True,
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "PDF_DOWNLOAD_LINK",
        "E-mails",
        "The address of the guide to download; the templates name it.",
        checks.link,
        example="https://www.example.com/guide.pdf",
        required=True,
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "NOTION_RATE",
        "E-mails",
        "Calls a second that Notion takes from the integration. The pace of the e-mails follows from it.",
        checks.number,
        example=f"{NOTION_RATE:g}",
        without=f"it is {NOTION_RATE:g}",
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "RESEND_RATE",
        "E-mails",
        "Calls a second that Resend takes: 2 on the default plan, 5 on newer ones.",
        checks.number,
        example=f"{RESEND_RATE:g}",
        without=f"it is {RESEND_RATE:g}",
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "EXPIRES_AFTER_DAYS",
        "E-mails",
        "So many days after it was due an e-mail is skipped: it is too late for it to be right. The time of a pause does not "
        "count.",
        checks.days,
        example=f"{EXPIRES_AFTER_DAYS:g}",
        without=f"it is {EXPIRES_AFTER_DAYS:g}",
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "RESEND_OPENS",
        "E-mails",
        "true: that somebody opened an e-mail, or followed a link in it, counts where Resend reports it. It says something of "
        "a person: the law may ask for her consent first.",
        checks.switch,
        example="false",
        without="it is false",
        kestra=Kestra.ENVIRONMENT,
    ),
    Setting(
        "DISCORD_WEBHOOK_URL",
        "The team",
        "Where the team reads who needs a call at once and what failed. In Discord: the channel's settings, Integrations, "
        "Webhooks, Copy Webhook URL.",
        checks.discord,
        like="https://discord.com/api/webhooks/123456789/AbC-dEf_123",
        without="nobody is told",
        kestra=Kestra.SECRET,
        secret=True,
    ),
    *(_webhook(each.webhook_key, each.handler) for each in SEQUENCES),
    _webhook("WEBHOOK_KEY_UNSUBSCRIBE", "unsubscribe-handler", "can call it, but has no contact's link"),
    _webhook("WEBHOOK_KEY_RESEND", "resend-handler", "can report in Resend's name"),
)
