"""The settings of what stands around the campaign: who signs, the door, the server."""

from __future__ import annotations

from christmas_campaign.deployment import value_checks as checks
from christmas_campaign.deployment.setting import TO_BE_MADE, Kestra, Made, Setting
from christmas_campaign.door import settings as door
from christmas_campaign.door.inbox.store import DEFAULT as INBOX

_NEW_PASSWORD = "run christmas secrets encode and start the containers again: docker compose up -d"  # noqa: S105


def _signing(
    name: str, who: str, words: str, made: Made | None = None, *, example: str = "", give_to: str = ""
) -> Setting:
    return Setting(
        f"SIGNING_{name}",
        "Signatures",
        words,
        checks.signing,
        example=example,
        without=f"calls of {who} are taken without a signature",
        door=True,
        secret=True,
        made=made,
        several=True,
        told=f"run christmas secrets encode, start the door again (docker compose up -d door) and give it to {give_to or who}",
    )


SERVER: tuple[Setting, ...] = (
    _signing(
        "WEBSITE",
        "the website",
        "The website signs its calls with it, as Standard Webhooks says. Empty it as long as the website does not sign.",
        Made.WHSEC,
        example=TO_BE_MADE,
        give_to="the website's developers",
    ),
    _signing(
        "CALENDLY",
        "Calendly",
        "Calendly signs with it. `christmas secrets rotate SIGNING_CALENDLY` makes one; give it as signing_key when the "
        "subscription to the webhook is made.",
        Made.TEXT,
    ),
    _signing(
        "CRM",
        "the CRM",
        "The CRM signs with it, as Standard Webhooks says. `christmas secrets rotate SIGNING_CRM` makes one.",
        Made.WHSEC,
    ),
    _signing(
        "DOCUSIGN",
        "DocuSign",
        "DocuSign signs with it. In DocuSign: Settings, Connect, Connect Keys.",
    ),
    _signing(
        "BOOKING",
        "whoever says what was booked",
        "Calendly or Cal.com signs with it what it says of bookings. `christmas secrets rotate SIGNING_BOOKING` makes one; "
        "give it as signing_key when Calendly's subscription is made, or as the webhook's secret in Cal.com.",
        Made.TEXT,
        give_to="Calendly or Cal.com",
    ),
    _signing(
        "RESEND",
        "Resend",
        "Resend signs with it what it says of e-mails. In Resend: Webhooks, Signing Secret. It begins with whsec_.",
    ),
    Setting(
        "DOOR_ORIGINS",
        "The door",
        "The web pages whose browsers may call, separated by commas. Not needed where the website's server calls.",
        checks.origins,
        like="https://www.example.com",
        without="no browser may call",
        door=True,
    ),
    Setting(
        "DOOR_RATE",
        "The door",
        "Calls a minute that are taken from one sender's address; beyond, 429.",
        checks.count,
        without=f"it is {door.RATE}",
        door=True,
    ),
    Setting(
        "DOOR_CONCURRENCY",
        "The door",
        "Calls that are answered at the same time; beyond, 503.",
        checks.count,
        without=f"it is {door.CONCURRENCY}",
        door=True,
    ),
    Setting(
        "DOOR_INBOX_MOST",
        "The door",
        "Calls that may wait for Kestra; beyond, 503.",
        checks.count,
        without=f"it is {door.INBOX_MOST}",
        door=True,
    ),
    Setting(
        "DOMAIN",
        "The server",
        "The name under which the world reaches this server, without https://. Its DNS entry points here.",
        checks.host,
        example="campaign.example.com",
        required=True,
        compose=True,
    ),
    Setting(
        "POSTGRES_PASSWORD",
        "The server",
        "The password of Kestra's database. PostgreSQL takes it when the database is made, and never again.",
        checks.password,
        example=TO_BE_MADE,
        required=True,
        compose=True,
        secret=True,
        made=Made.PASSWORD,
        told=r"tell PostgreSQL, which keeps the old one: docker compose exec postgres psql -U kestra -c '\password'; then "
        + _NEW_PASSWORD,
    ),
    Setting(
        "KESTRA_USERNAME",
        "The server",
        "The user's name for Kestra's pages and its API: an e-mail address, Kestra takes nothing else.",
        checks.kestra_user,
        example="owner@example.com",
        required=True,
        kestra=Kestra.ENVIRONMENT,
        compose=True,
    ),
    Setting(
        "KESTRA_PASSWORD",
        "The server",
        "The password for it: at least 8 characters, a small letter, a capital and a digit among them.",
        checks.kestra_password,
        example=TO_BE_MADE,
        required=True,
        kestra=Kestra.SECRET,
        compose=True,
        secret=True,
        made=Made.PASSWORD,
        told=f"{_NEW_PASSWORD}; whoever opens Kestra's pages needs the new one",
    ),
    Setting(
        "KESTRA_URL",
        "The server",
        "Where the command `christmas` reaches Kestra from this server.",
        checks.link,
        example="http://127.0.0.1:8080",
        without="it is http://127.0.0.1:8080",
    ),
    # What the Compose files say, or what only the demo and the tests need.
    *(
        Setting(name, "Elsewhere", words, wrong, without=without, kestra=Kestra.ENVIRONMENT, shown=False)
        for name, words, wrong, without in (
            ("NOTION_URL", "Another Notion: the sandbox's.", checks.link, "it is the real one"),
            ("RESEND_URL", "Another Resend: the sandbox's.", checks.link, "it is the real one"),
            ("TIME_SCALE", "Divides every delay: in the demo and the tests.", checks.scale, "it is 1"),
            ("ENV_KESTRA_URL", "Where Kestra's own tasks reach its API.", checks.link, "it is Kestra's kestra.url"),
        )
    ),
    *(
        Setting(name, "Elsewhere", words, wrong, without=without, door=True, shown=False)
        for name, words, wrong, without in (
            ("DOOR_LISTEN", "Where the door listens.", checks.listen, f"it is {door.LISTEN}"),
            ("DOOR_KESTRA_URL", "Where the door reaches Kestra.", checks.link, f"it is {door.KESTRA_URL}"),
            (
                "DOOR_KESTRA_HEALTH_URL",
                "What tells the door whether Kestra is up.",
                checks.link,
                f"it is /health on port {door.MANAGEMENT_PORT} of Kestra's host",
            ),
            ("DOOR_INBOX", "The file of the calls that wait.", checks.text, f"it is {INBOX}"),
            (
                "DOOR_PROXIES",
                "Proxies, or their networks, whose X-Forwarded-For is believed.",
                checks.networks,
                "none is",
            ),
        )
    ),
)
