"""The settings of the campaign: its accounts, its e-mails, its webhooks."""

from __future__ import annotations

from christmas_campaign.campaign import facts
from christmas_campaign.campaign.settings import EXPIRES_AFTER_DAYS, NOTION_RATE, RESEND_RATE
from christmas_campaign.deployment import value_checks as checks
from christmas_campaign.deployment.setting import FILL_IN, TO_BE_MADE, KestraKind, SecretKind, Setting
from christmas_campaign.notion.schema import DATABASES
from christmas_campaign.sequences.registry import SEQUENCES


def _database(setting: str, title: str) -> Setting:
    return Setting(
        setting,
        "Notion",
        f'The id of the database "{title}". Open it in Notion as a full page and copy its address: the id is the 32 letters '
        "and digits before the ?. Share the database with the integration: its menu, Connections.",
        checks.notion_id,
        example=FILL_IN,
        looks_like="0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        required=True,
        kestra=KestraKind.SECRET,
    )


def _webhook(name: str, handler: str, risk: str = "can start the sequence") -> Setting:
    return Setting(
        name,
        "Webhooks",
        f"The last part of the address of Kestra's webhook {handler}. Anybody who has it {risk}.",
        checks.webhook_key,
        example=TO_BE_MADE,
        required=True,
        kestra=KestraKind.SECRET,
        door=True,
        secret=True,
        generate=SecretKind.KEY,
        after_change="run christmas secrets encode and start Kestra and the door again (docker compose up -d); a sender that "
        f"posts to Kestra's own webhook {handler} needs the new one, the others need nothing",
    )


CAMPAIGN: tuple[Setting, ...] = (
    Setting(
        "NOTION_TOKEN",
        "Notion",
        "The secret of the integration that reads and writes Notion. In Notion: Settings, Connections, "
        "Develop or manage integrations. It begins with ntn_.",
        checks.notion_token,
        example=f"ntn_{FILL_IN}",
        required=True,
        kestra=KestraKind.SECRET,
        secret=True,
    ),
    *(_database(database.setting, database.title) for database in DATABASES),
    Setting(
        "RESEND_API_KEY",
        "Resend",
        "The key for sending e-mails. In Resend: API Keys, with sending access. It begins with re_.",
        checks.resend_key,
        example=f"re_{FILL_IN}",
        required=True,
        kestra=KestraKind.SECRET,
        secret=True,
    ),
    Setting(
        "TESTING_MODE",
        "E-mails",
        "true: e-mails are due after 1, 2, 3 and 4 minutes instead of hours and days. false: for production.",
        checks.switch,
        example="false",
        required=True,
        kestra=KestraKind.SECRET,
    ),
    Setting(
        "SENDER_ADDRESS",
        "E-mails",
        "The address in the From line, at a domain that Resend has verified (Resend: Domains).",
        checks.address,
        example="value@mail.example.com",
        required=True,
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "SENDER_NAME",
        "E-mails",
        "The name in the From line and on the unsubscribe page.",
        checks.text,
        example=facts.SENDER_NAME,
        if_empty=f"it is {facts.SENDER_NAME}",
        kestra=KestraKind.ENVIRONMENT,
        door=True,
    ),
    Setting(
        "UNSUBSCRIBE_ADDRESS",
        "E-mails",
        "An address to which contacts can send an e-mail to unsubscribe. Somebody must read it.",
        checks.address,
        looks_like="unsubscribe@mail.example.com",
        if_empty="e-mails name only the unsubscribe page",
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "PUBLIC_URL",
        "E-mails",
        "The door's public address, with https://. Unsubscribe links begin with it and must work for a long time. "
        "It is https:// and DOMAIN, unless contacts reach the door by another name.",
        checks.public_url,
        example="https://campaign.example.com",
        required=True,
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "UNSUBSCRIBE_KEY",
        "E-mails",
        "The key that makes unsubscribe links, and by which the door recognises them. There may be several, separated by "
        "commas: the first one makes new links, and the door accepts links of all of them.",
        checks.unsubscribe_keys,
        example=TO_BE_MADE,
        required=True,
        kestra=KestraKind.SECRET,
        door=True,
        secret=True,
        generate=SecretKind.TEXT,
        several=True,
        after_change="run christmas secrets encode and start Kestra and the door again (docker compose up -d); links in "
        "e-mails that were sent before need the old one and have to work for 60 days at least",
    ),
    Setting(
        "POSTAL_ADDRESS",
        "E-mails",
        "The sender's postal address, which the law requires in every e-mail. On one line; \\n between two lines becomes a "
        "comma.",
        checks.text,
        example=FILL_IN,
        looks_like="1 Example Street, Toronto ON M5V 0A1, Canada",
        required=True,
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "CALENDLY_LINK",
        "E-mails",
        "The page on which a contact books a call. The templates link to it.",
        checks.link,
        example="https://calendly.example.com/diagnostic",
        required=True,
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "PDF_DOWNLOAD_LINK",
        "E-mails",
        "The address of the guide to download. The templates link to it.",
        checks.link,
        example="https://www.example.com/guide.pdf",
        required=True,
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "NOTION_RATE",
        "E-mails",
        "The requests a second that Notion accepts from the integration. They limit how fast e-mails are sent.",
        checks.number,
        example=f"{NOTION_RATE:g}",
        if_empty=f"it is {NOTION_RATE:g}",
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "RESEND_RATE",
        "E-mails",
        "The requests a second that Resend accepts: 2 on the default plan, 5 on newer ones.",
        checks.number,
        example=f"{RESEND_RATE:g}",
        if_empty=f"it is {RESEND_RATE:g}",
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "EXPIRES_AFTER_DAYS",
        "E-mails",
        "An e-mail that is overdue by this many days is skipped, because its content is out of date. The time of a pause does "
        "not count.",
        checks.days,
        example=f"{EXPIRES_AFTER_DAYS:g}",
        if_empty=f"it is {EXPIRES_AFTER_DAYS:g}",
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "RESEND_OPENS",
        "E-mails",
        "true: records that a contact opened an e-mail or clicked a link in it, if Resend reports it. This is personal data: "
        "the law may require the contact's consent.",
        checks.switch,
        example="false",
        if_empty="it is false",
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "DISCORD_WEBHOOK_URL",
        "The team",
        "The Discord channel for alerts: contacts who need a call at once, and failures. In Discord: the channel's settings, "
        "Integrations, Webhooks, Copy Webhook URL.",
        checks.discord,
        looks_like="https://discord.com/api/webhooks/123456789/AbC-dEf_123",
        if_empty="no alert is sent",
        kestra=KestraKind.SECRET,
        secret=True,
    ),
    Setting(
        "SALES_CALL_TYPES",
        "Webhooks",
        "The event types of the sales call in Calendly or Cal.com, separated by commas: each by its URI, id, slug or name. "
        "Calls of other types start no e-mails and end none.",
        checks.text,
        looks_like="diagnostic-call, Discovery Call",
        if_empty="every booked call counts as the sales call",
        kestra=KestraKind.ENVIRONMENT,
    ),
    Setting(
        "OWN_DOMAINS",
        "Webhooks",
        "The domains of the team's own e-mail addresses, separated by commas. A signer of a contract with such an address is "
        "never the contact.",
        checks.domains,
        looks_like="example.com, example.org",
        if_empty="every signer of a contract may be the contact",
        kestra=KestraKind.ENVIRONMENT,
    ),
    *(_webhook(sequence.webhook_key, sequence.handler) for sequence in SEQUENCES),
    _webhook("WEBHOOK_KEY_UNSUBSCRIBE", "unsubscribe-handler", "can call it, but cannot make a contact's link"),
    _webhook("WEBHOOK_KEY_RESEND", "resend-handler", "can send false delivery reports"),
)
