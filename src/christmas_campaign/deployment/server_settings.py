"""The settings around the campaign: the signing secrets of its senders, the door, the server."""

from __future__ import annotations

from christmas_campaign.deployment import value_checks as checks
from christmas_campaign.deployment.setting import TO_BE_MADE, KestraKind, SecretKind, Setting
from christmas_campaign.door import settings as door
from christmas_campaign.door.inbox.store import DEFAULT as INBOX

_NEW_PASSWORD = "run christmas secrets encode and start the containers again: docker compose up -d"  # noqa: S105


def _signing(
    name: str,
    sender: str,
    description: str,
    generate: SecretKind | None = None,
    *,
    example: str = "",
    give_to: str = "",
) -> Setting:
    return Setting(
        f"SIGNING_{name}",
        "Signatures",
        description,
        checks.signing,
        example=example,
        if_empty=f"calls of {sender} are accepted without a signature",
        door=True,
        secret=True,
        generate=generate,
        several=True,
        after_change="run christmas secrets encode, start the door again (docker compose up -d door) and give the new one to "
        f"{give_to or sender}",
    )


SERVER: tuple[Setting, ...] = (
    _signing(
        "WEBSITE",
        "the website",
        "The website signs its calls with it, by the rules of Standard Webhooks. Leave it empty until the website signs.",
        SecretKind.WHSEC,
        example=TO_BE_MADE,
        give_to="the website's developers",
    ),
    _signing(
        "CALENDLY",
        "Calendly",
        "Calendly signs its calls with it. `christmas secrets rotate SIGNING_CALENDLY` generates one; use it as signing_key "
        "when you create the webhook subscription.",
        SecretKind.TEXT,
    ),
    _signing(
        "CRM",
        "the CRM",
        "The CRM signs its calls with it, by the rules of Standard Webhooks. `christmas secrets rotate SIGNING_CRM` generates "
        "one.",
        SecretKind.WHSEC,
    ),
    _signing(
        "DOCUSIGN",
        "DocuSign",
        "DocuSign signs its calls with it. In DocuSign: Settings, Connect, Connect Keys.",
    ),
    _signing(
        "BOOKING",
        "the booking tool",
        "Calendly or Cal.com signs its calls about bookings with it. `christmas secrets rotate SIGNING_BOOKING` generates "
        "one; use it as signing_key when you create Calendly's subscription, or as the webhook's secret in Cal.com.",
        SecretKind.TEXT,
        give_to="Calendly or Cal.com",
    ),
    _signing(
        "RESEND",
        "Resend",
        "Resend signs its delivery reports with it. In Resend: Webhooks, Signing Secret. It begins with whsec_.",
    ),
    Setting(
        "DOOR_ORIGINS",
        "The door",
        "The web pages from which a browser may call the door, separated by commas. Not needed if the website's server calls.",
        checks.origins,
        looks_like="https://www.example.com",
        if_empty="no browser may call",
        door=True,
    ),
    Setting(
        "DOOR_RATE",
        "The door",
        "The calls a minute that are accepted from one sender's address; more get status 429.",
        checks.count,
        if_empty=f"it is {door.RATE}",
        door=True,
    ),
    Setting(
        "DOOR_CONCURRENCY",
        "The door",
        "The calls that are answered at the same time; more get status 503.",
        checks.count,
        if_empty=f"it is {door.CONCURRENCY}",
        door=True,
    ),
    Setting(
        "DOOR_INBOX_MOST",
        "The door",
        "The calls that may wait for Kestra in the inbox; more get status 503.",
        checks.count,
        if_empty=f"it is {door.INBOX_MOST}",
        door=True,
    ),
    Setting(
        "DOMAIN",
        "The server",
        "The public name of this server, without https://. Its DNS entry points here.",
        checks.host,
        example="campaign.example.com",
        required=True,
        compose=True,
    ),
    Setting(
        "POSTGRES_PASSWORD",
        "The server",
        "The password of Kestra's database. PostgreSQL reads it only once, when it creates the database.",
        checks.password,
        example=TO_BE_MADE,
        required=True,
        compose=True,
        secret=True,
        generate=SecretKind.PASSWORD,
        after_change="change it in PostgreSQL, which still has the old one: "
        rf"docker compose exec postgres psql -U kestra -c '\password'; then {_NEW_PASSWORD}",
    ),
    Setting(
        "KESTRA_USERNAME",
        "The server",
        "The user name for Kestra's pages and its API. Kestra accepts only an e-mail address.",
        checks.kestra_user,
        example="owner@example.com",
        required=True,
        kestra=KestraKind.ENVIRONMENT,
        compose=True,
    ),
    Setting(
        "KESTRA_PASSWORD",
        "The server",
        "The password of that user: at least 8 characters, with a small letter, a capital and a digit.",
        checks.kestra_password,
        example=TO_BE_MADE,
        required=True,
        kestra=KestraKind.SECRET,
        compose=True,
        secret=True,
        generate=SecretKind.PASSWORD,
        after_change=f"{_NEW_PASSWORD}; everybody who opens Kestra's pages needs the new one",
    ),
    Setting(
        "KESTRA_URL",
        "The server",
        "The address at which the command `christmas` reaches Kestra from this server.",
        checks.link,
        example="http://127.0.0.1:8080",
        if_empty="it is http://127.0.0.1:8080",
    ),
    # Settings that the Compose files fix, or that only the demo and the tests need.
    *(
        Setting(
            name, "Elsewhere", description, check, if_empty=default, kestra=KestraKind.ENVIRONMENT, in_example=False
        )
        for name, description, check, default in (
            ("NOTION_URL", "The address of the sandbox's Notion.", checks.link, "it is Notion's own"),
            ("RESEND_URL", "The address of the sandbox's Resend.", checks.link, "it is Resend's own"),
            ("TIME_SCALE", "Divides every delay, in the demo and the tests.", checks.scale, "it is 1"),
            (
                "ENV_KESTRA_URL",
                "The address at which Kestra's own tasks reach its API.",
                checks.link,
                "it is Kestra's kestra.url",
            ),
            (
                "ENV_DOOR_URL",
                "The address at which the repair asks the door whether calls wait for too long.",
                checks.link,
                "the repair does not ask the door",
            ),
        )
    ),
    *(
        Setting(name, "Elsewhere", description, check, if_empty=default, door=True, in_example=False)
        for name, description, check, default in (
            ("DOOR_LISTEN", "The host and port on which the door listens.", checks.listen, f"it is {door.LISTEN}"),
            (
                "DOOR_KESTRA_URL",
                "The address at which the door reaches Kestra.",
                checks.link,
                f"it is {door.KESTRA_URL}",
            ),
            (
                "DOOR_KESTRA_HEALTH_URL",
                "The address that reports whether Kestra is up.",
                checks.link,
                f"it is /health on port {door.MANAGEMENT_PORT} of Kestra's host",
            ),
            ("DOOR_INBOX", "The file of the inbox, with the calls that wait.", checks.text, f"it is {INBOX}"),
            (
                "DOOR_PROXIES",
                "The addresses or networks of proxies whose X-Forwarded-For header the door trusts.",
                checks.networks,
                "it trusts none",
            ),
        )
    ),
)
