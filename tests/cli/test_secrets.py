"""``christmas secrets``: check, make, encode and rotate a file of settings. No output shows a secret."""

from __future__ import annotations

import base64
import json
import re
import stat
import traceback
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from christmas_campaign.cli.main import main
from christmas_campaign.deployment import check_settings, encode_settings, example_file, make_settings, setting_names
from christmas_campaign.deployment.catalogue import DOOR_FLAGS, SETTINGS
from christmas_campaign.deployment.check_settings import Kind
from christmas_campaign.deployment.env_file import quoted, read
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.deployment.setting import TO_BE_MADE, KestraKind, SecretKind
from christmas_campaign.notion.schema import DATABASES
from cli.test_env_file import parse_as_compose

BY_NAME = {setting.name: setting for setting in SETTINGS}

#: The settings of an installation, complete and without a fault. All values are invented.
COMPLETE = {
    "NOTION_TOKEN": "ntn_" + "3kT7wQ9zLmVx2bRn5cYp" * 2 + "8hJd4s",
    **{database.setting: f"{number}a1b2c3d4e5f60718293a4b5c6d7e8f0" for number, database in enumerate(DATABASES)},
    "RESEND_API_KEY": "re_8hJd4s_Lm5VxbRncYpzQwT7k",
    "TESTING_MODE": "false",
    "SENDER_ADDRESS": "value@mail.sangle.ca",
    "SENDER_NAME": "Sang Lệ - 'BusOS' $ #1",
    "UNSUBSCRIBE_ADDRESS": "o'neill@mail.sangle.ca",
    "PUBLIC_URL": "https://campaign.sangle.ca",
    "UNSUBSCRIBE_KEY": "L1nks-Key_newest_ffffffffffffff,L1nks-Key_before_gggggggggggggg",
    "POSTAL_ADDRESS": "BusOS, 12 rue de l'Église #3, Montréal QC H2X 1Y4, Canada",
    "CALENDLY_LINK": "https://calendly.com/sangle/diagnostic?a=$b&c='d'#e",
    "PDF_DOWNLOAD_LINK": "https://www.sangle.ca/guide.pdf",
    "NOTION_RATE": "3",
    "RESEND_RATE": "2.5",
    "EXPIRES_AFTER_DAYS": "7",
    "RESEND_OPENS": "false",
    "DISCORD_WEBHOOK_URL": "https://discord.com/api/webhooks/118/Zx8-qWe_7rTy5uIo",
    "WEBHOOK_KEY_SIGNUP": "s1gnup-Key_aaaaaaaaaaaaaaaaaaaaaaaa",
    "WEBHOOK_KEY_NOSHOW": "n0show-Key_bbbbbbbbbbbbbbbbbbbbbbbb",
    "WEBHOOK_KEY_POSTCALL": "p0stcall-Key_cccccccccccccccccccccc",
    "WEBHOOK_KEY_ONBOARDING": "0nboard-Key_ddddddddddddddddddddddd",
    "WEBHOOK_KEY_PRECALL": "prec4ll-Key_eeeeeeeeeeeeeeeeeeeeeee",
    "WEBHOOK_KEY_UNSUBSCRIBE": "uns7b-Key_eeeeeeeeeeeeeeeeeeeeeeeeee",
    "WEBHOOK_KEY_RESEND": "r3send-Key_ffffeeeeeeeeeeeeeeeeeeee",
    "SIGNING_WEBSITE": "whsec_" + base64.b64encode(b"website-newest-secret-of-32-bytes").decode(),
    "SIGNING_CALENDLY": "calendly-signing-key-1,calendly-signing-key-0",
    "SIGNING_CRM": "",
    "SIGNING_DOCUSIGN": "ZG9jdXNpZ24tY29ubmVjdC1rZXk=",
    "SIGNING_BOOKING": "booking-signing-key-1",
    "SIGNING_RESEND": "",
    "DOOR_ORIGINS": "https://www.sangle.ca,https://sangle.ca:8443",
    "DOOR_RATE": "90",
    "DOOR_CONCURRENCY": "",
    "DOOR_INBOX_MOST": "",
    "DOMAIN": "campaign.sangle.ca",
    "POSTGRES_PASSWORD": "Postgres-Password-19!$",
    "KESTRA_USERNAME": "owner@sangle.ca",
    "KESTRA_PASSWORD": "Kestra-Pass-19$",
    "KESTRA_URL": "http://127.0.0.1:8080",
}
KEY = COMPLETE["WEBHOOK_KEY_SIGNUP"]
#: The id of the contacts' database in its other form.
DASHED_ID = str(uuid.UUID(COMPLETE["NOTION_BUSINESSX_DB_ID"])).upper()


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def lines(values: dict[str, str]) -> str:
    return "".join(f"{name}={quoted(value)}\n" for name, value in values.items())


def without(*names: str) -> dict[str, str]:
    """Return the complete settings except these."""
    return {name: value for name, value in COMPLETE.items() if name not in names}


class SettingsFile:
    """A file of settings, and ``christmas secrets`` run on it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / ".env"

    def write(self, text: str, mode: int = 0o600) -> None:
        self.path.write_bytes(text.encode())
        self.path.chmod(mode)

    def text(self) -> str:
        return self.path.read_bytes().decode()

    def values(self) -> dict[str, str]:
        return {line.name: line.value for line in read(self.text())}

    def mode(self) -> int:
        return stat.S_IMODE(self.path.stat().st_mode)

    def run(self, command: str, *words: str, code: int = 0) -> Result:
        """Run a command that ends with ``code``. No secret of the file may be in its output or its traceback."""
        secrets = self._secrets()
        result = CliRunner().invoke(main, ["secrets", command, "--env-file", str(self.path), *words])
        output = result.output + "".join(traceback.format_exception(*result.exc_info) if result.exc_info else ())
        assert not [secret for secret in secrets | self._secrets() if secret in output]
        assert result.exit_code == code, output
        return result

    def _secrets(self) -> set[str]:
        lines = read(self.text()) if self.path.exists() else []
        meanings = [(setting_names.meaning_of(line.name), line.value) for line in lines]
        secrets = [value for meaning, value in meanings if meaning and (meaning.setting.secret or meaning.encoded)]
        parts = {part for value in secrets for part in value.split(",")}
        return {part for part in parts if len(part) > 6 and not check_settings.is_example(part)}

    def faults(self) -> list[tuple[str, int | None, str | None]]:
        """Return the kind, the line and the name of each fault."""
        return [(fault.kind, fault.line, fault.name) for fault in check_settings.check(self.path).faults]


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    return SettingsFile(tmp_path)


# check


def test_check_of_complete_settings_lists_notices_and_no_fault(file: SettingsFile) -> None:
    # A variable of Compose itself is no setting and no fault.
    image = f"registry.sangle.ca:5000/kestra:v1.3.31@sha256:{'0a' * 32}"
    file.write(lines(COMPLETE | {"TESTING_MODE": "true", "KESTRA_IMAGE": image}) + "COMPOSE_PROJECT_NAME=christmas\n")
    *notices, summary = file.run("check").stdout.splitlines()
    names = ["SALES_CALL_TYPES", "OWN_DOMAINS", "SIGNING_CRM", "SIGNING_RESEND", "TESTING_MODE"]
    assert [line.split()[0] for line in notices] == names
    assert notices[0] == "SALES_CALL_TYPES is empty: every booked call counts as the sales call."
    assert summary == "All settings are valid."
    assert check_settings.notes(COMPLETE) == notices[:4]
    assert json.loads(file.run("check", "--json").stdout) == []


def test_check_names_file_line_setting_and_correction(file: SettingsFile) -> None:
    file.write(f"# settings\n{lines(COMPLETE | {'NOTION_TOKEN': 're_' + 'a' * 40})}")
    (fault,) = json.loads(file.run("check", "--json", code=1).stdout)
    assert (fault["kind"], fault["name"], fault["line"]) == ("malformed", "NOTION_TOKEN", 2)
    report = file.run("check", code=1).stdout
    assert f"{file.path}:2: NOTION_TOKEN: {fault['problem']}; {fault['mend']}\n" in report
    assert file.run("encode", code=1).stdout == report
    assert [path.name for path in file.path.parent.iterdir()] == [".env"]


#: The setting, its text in the file, the kind of the fault, and a part of the problem or the correction.
FAULTS = [
    ("NOTION_TOKEN", "", Kind.MISSING, "settings.example.env"),
    ("NOTION_TOKEN", "Bearer ntn_abcdef", Kind.MALFORMED, "ntn_"),
    ("NOTION_TOKEN", f"'{COMPLETE['NOTION_TOKEN']} '", Kind.BLANK, "blank"),
    ("NOTION_TOKEN", f"“{COMPLETE['NOTION_TOKEN']}”", Kind.QUOTES, "quotes"),
    ("NOTION_TOKEN", f"'{COMPLETE['NOTION_TOKEN']}", Kind.SYNTAX, "closed"),
    (
        "NOTION_BUSINESSX_DB_ID",
        "https://www.notion.so/0a1b2c3d4e5f60718293a4b5c6d7e8f0?v=1",
        Kind.MALFORMED,
        "before the ?",
    ),
    ("NOTION_BUSINESSX_DB_ID", BY_NAME["NOTION_BUSINESSX_DB_ID"].looks_like, Kind.EXAMPLE, "example"),
    ("NOTION_EMAIL_SEQUENCE_DB_ID", DASHED_ID, Kind.SAME_SECRET, "NOTION_BUSINESSX_DB_ID"),
    ("OWN_DOMAINS", "value@sangle.ca", Kind.MALFORMED, "separated by commas"),
    ("TESTING_MODE", "True", Kind.MALFORMED, "true or false"),
    ("SENDER_ADDRESS", "Sang Le <value@mail.sangle.ca>", Kind.MALFORMED, "address alone"),
    ("SENDER_NAME", '"“Sang Le”"', Kind.QUOTES, "quotes"),
    ("SENDER_NAME", '"Sang\\nLe"', Kind.MALFORMED, "cannot be seen"),
    ("PUBLIC_URL", "https://campaign.sangle.ca/", Kind.MALFORMED, "no / at the end"),
    ("UNSUBSCRIBE_KEY", TO_BE_MADE, Kind.EXAMPLE, "christmas secrets make"),
    ("UNSUBSCRIBE_KEY", "short-key_1", Kind.TOO_SHORT, "rotate"),
    ("RESEND_RATE", "nan", Kind.MALFORMED, "number"),
    ("EXPIRES_AFTER_DAYS", "0", Kind.MALFORMED, "1 to 365"),
    ("DISCORD_WEBHOOK_URL", "https://discord.com/channels/1/2", Kind.MALFORMED, "Copy Webhook URL"),
    ("WEBHOOK_KEY_SIGNUP", KEY + "/", Kind.MALFORMED, "part of an address"),
    ("WEBHOOK_KEY_NOSHOW", KEY, Kind.SAME_SECRET, "WEBHOOK_KEY_SIGNUP"),
    ("SIGNING_WEBSITE", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Kind.EXAMPLE, "make"),
    ("SIGNING_WEBSITE", "whsec_not!base64", Kind.MALFORMED, "whsec_"),
    ("SIGNING_CALENDLY", "calendly-signing-key-1, calendly-signing-key-0", Kind.MALFORMED, "commas only"),
    ("SIGNING_CALENDLY", "calendly-signing-key-1,calendly-signing-key-1", Kind.SAME_SECRET, "twice"),
    # The door's own limits: it does not start with these.
    ("DOOR_RATE", "1000001", Kind.MALFORMED, "from 1 to 1000000"),
    ("DOOR_ORIGINS", "https://WWW.sangle.ca", Kind.MALFORMED, "lower case"),
    ("DOOR_PROXIES", "172.30.0.1/24", Kind.MALFORMED, "network"),
    ("DOOR_LISTEN", "127.0.0.1", Kind.MALFORMED, "port"),
    ("DOMAIN", "https://campaign.sangle.ca", Kind.MALFORMED, "without https://"),
    ("KESTRA_IMAGE", "kestra/kestra:v1.3.31@sha256:DIGEST", Kind.MALFORMED, "digest"),
    ("POSTGRES_PASSWORD", "short-Pass-1", Kind.TOO_SHORT, "16"),
    ("KESTRA_PASSWORD", "kestra-pass-1919", Kind.MALFORMED, "a capital"),
    ("RESEND_API_KEY", "sk_" + "a" * 30, Kind.MALFORMED, "re_"),
    ("UNSUBSCRIBE_KEY", "", Kind.MISSING, "christmas secrets make"),
    ("UNSUBSCRIBE_KEY", f"{KEY},", Kind.MALFORMED, "commas only"),
    ("CALENDLY_LINK", "calendly.com/sangle", Kind.MALFORMED, "https://"),
    ("SIGNING_WEBSITE", "whsec_c2hvcnQ=", Kind.TOO_SHORT, "short"),
    ("SIGNING_CALENDLY", "short-key", Kind.TOO_SHORT, "longer"),
    ("DOOR_ORIGINS", "https://www.sangle.ca/", Kind.MALFORMED, "scheme and name"),
    ("DOMAIN", "203.0.113.9", Kind.MALFORMED, "name"),
    ("KESTRA_IMAGE", "kestra/kestra", Kind.MALFORMED, "NAME:TAG"),
    ("KESTRA_USERNAME", "owner", Kind.MALFORMED, "e-mail address"),
    ("KESTRA_PASSWORD", "Pass-19", Kind.TOO_SHORT, "short"),
    ("TIME_SCALE", "100", Kind.MALFORMED, "real Resend"),
    ("SECRET_DISCORD_WEBHOOK_URL", "not base64!", Kind.NOT_BASE64, "DISCORD_WEBHOOK_URL"),
    ("SECRET_NOTION_TOKEN", base64_of(f"{COMPLETE['NOTION_TOKEN']}\n"), Kind.BLANK, "its plain name, NOTION_TOKEN"),
    ("notion_token", COMPLETE["NOTION_TOKEN"], Kind.UNKNOWN, "did you mean NOTION_TOKEN?"),
]


@pytest.mark.parametrize(("name", "text", "kind", "part"), FAULTS)
def test_fault_is_reported_on_its_line(file: SettingsFile, name: str, text: str, kind: Kind, part: str) -> None:
    file.write(f"# settings\n{name}={text}\n{lines(without(name.removeprefix('SECRET_')))}")
    # A name that is no setting leaves another one missing.
    (fault,) = [
        fault
        for fault in check_settings.check(file.path).faults
        if fault.kind is not Kind.MISSING or kind is Kind.MISSING
    ]
    assert (fault.kind, fault.name) == (kind, name)
    # A setting that does not fit another one has no line.
    assert fault.line == (None if name == "TIME_SCALE" else 2)
    assert part in fault.problem + fault.mend


def test_setting_on_two_lines_is_reported_under_both_names(file: SettingsFile) -> None:
    file.write(f"{lines(COMPLETE)}DOMAIN=other.sangle.ca\nSECRET_WEBHOOK_KEY_SIGNUP={base64_of(KEY)}\n")
    count = len(COMPLETE)
    assert file.faults() == [
        (Kind.TWICE, count + 1, "DOMAIN"),
        (Kind.TWICE, count + 2, "SECRET_WEBHOOK_KEY_SIGNUP"),
    ]
    plain, encoded = check_settings.check(file.path).faults
    assert f"line {list(COMPLETE).index('DOMAIN') + 1} " in plain.problem
    assert encoded.problem.endswith("as WEBHOOK_KEY_SIGNUP")


def test_secret_broken_over_two_lines_is_not_shown(file: SettingsFile) -> None:
    """The second half looks like a setting: the text before its "=" is a piece of the secret."""
    half = "Zx8QwErTyUiOpAsDfGhJkLzXcVbNm"
    file.write(f"{lines(COMPLETE)}{half}==\n{half}\n{half.upper()}==\n")
    count = len(COMPLETE)
    assert file.faults() == [
        (Kind.UNKNOWN, count + 1, None),
        (Kind.SYNTAX, count + 2, None),
        (Kind.UNKNOWN, count + 3, None),
    ]
    output = file.run("check", code=1).output
    assert half not in output
    assert half.upper() not in output


def test_all_faults_of_the_example_are_reported_in_order_of_lines(file: SettingsFile) -> None:
    file.write(example_file.example(), 0o644)
    others, *_ = check_settings.check(file.path).faults
    assert (others.kind, others.mend) == (Kind.READABLE, f"chmod 600 {file.path}")
    faults = file.faults()
    examples = [
        setting.name for setting in SETTINGS if setting.in_example and check_settings.is_example(setting.example)
    ]
    assert [name for _, _, name in faults] == [None, *examples]
    assert [line or 0 for _, line, _ in faults] == sorted(line or 0 for _, line, _ in faults)
    assert f"{len(examples) + 1} faults.\n" in file.run("check", code=1).stdout


@pytest.mark.parametrize("words", [("check",), ("encode",), ("rotate", "WEBHOOK_KEY_SIGNUP")])
def test_missing_file_is_named_with_the_command_that_makes_it(file: SettingsFile, words: tuple[str, ...]) -> None:
    error = file.run(*words, code=2).stderr
    assert f"christmas: {file.path} does not exist" in error
    assert "christmas secrets make" in error


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(sorted(COMPLETE)),
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1),
)
def test_no_command_shows_a_value(tmp_path: Path, name: str, value: str) -> None:
    file = SettingsFile(tmp_path)
    marked = f"Zq7{value}7qZ"
    file.write(lines(COMPLETE) + f"{name}={marked}\nX{marked}\n{name}={quoted(marked)}\n")
    for words in (["check"], ["check", "--json"], ["encode"], ["make"], ["rotate", name], ["rotate", name, "--finish"]):
        result = CliRunner().invoke(main, ["secrets", words[0], "--env-file", str(file.path), *words[1:]])
        assert result.exit_code in (0, 1, 2), result.output
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert "Zq7" not in result.output


# make


def test_make_fills_the_example_with_fresh_secrets(file: SettingsFile) -> None:
    output = file.run("make").stdout
    values = file.values()
    assert file.mode() == 0o600
    fresh = [setting for setting in SETTINGS if setting.example == TO_BE_MADE]
    assert [line.split(";")[0] for line in output.splitlines()[1:-1]] == [
        f"Generated: {setting.name}" for setting in fresh
    ]
    assert [setting.name for setting in fresh if setting.find_fault(values[setting.name]) is not None] == []
    assert len({values[setting.name] for setting in fresh}) == len(fresh)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", values["SIGNING_WEBSITE"])
    assert "calls without a signature are refused" in output
    # All other lines are those of the example.
    text = file.text()
    for setting in fresh:
        text = text.replace(f"{setting.name}={quoted(values[setting.name])}\n", f"{setting.name}={TO_BE_MADE}\n")
    assert text == example_file.example()
    to_fill_in = {setting.name for setting in SETTINGS if setting.required and not setting.generate} - {"TESTING_MODE"}
    assert {name for _, _, name in file.faults()} == to_fill_in

    file.path.chmod(0o644)
    assert (json.loads(file.run("make", "--json").stdout), file.mode()) == ([], 0o600)


def test_make_adds_missing_secrets_and_keeps_every_other_line(file: SettingsFile) -> None:
    # SIGNING_CRM is optional: to make it would refuse the calls of a sender that does not sign.
    text = f"# mine\r\n\n  # and this\n{lines(without('SIGNING_WEBSITE', 'SIGNING_CRM', 'WEBHOOK_KEY_NOSHOW'))}"
    text = text.replace("WEBHOOK_KEY_POSTCALL=", "export WEBHOOK_KEY_POSTCALL= ")
    text = text.replace(KEY, f"'{TO_BE_MADE}'   # website").removesuffix("\n")
    file.write(text, 0o644)
    fresh = json.loads(file.run("make", "--json").stdout)
    assert [setting["name"] for setting in fresh] == ["WEBHOOK_KEY_SIGNUP", "WEBHOOK_KEY_NOSHOW", "SIGNING_WEBSITE"]
    assert file.text().startswith(text.replace(f"'{TO_BE_MADE}'", file.values()["WEBHOOK_KEY_SIGNUP"]) + "\n\n# ")
    assert file.faults() == []


def test_generated_password_is_accepted_by_kestra() -> None:
    for _ in range(300):
        assert BY_NAME["KESTRA_PASSWORD"].find_fault(make_settings.new_secret(SecretKind.PASSWORD)) is None


# encode


def encoded_files(file: SettingsFile) -> tuple[dict[str, str], dict[str, str]]:
    """Run ``encode``; return the settings of Kestra and of the door, as Compose reads them."""
    file.run("encode")
    kestra, door = (file.path.with_name(name).read_text(encoding="utf-8") for name in (".env.kestra", ".env.door"))
    return parse_as_compose(kestra), parse_as_compose(door)


def test_encode_writes_the_settings_of_kestra_and_of_the_door(file: SettingsFile) -> None:
    file.write(lines(COMPLETE))
    paths = [file.path.with_name(name) for name in (".env.kestra", ".env.door")]
    for path in paths:
        path.write_text("OLD=1\n", encoding="utf-8")
        path.chmod(0o644)
    for_kestra, for_door = encoded_files(file)
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600, 0o600]
    assert file.run("encode").stdout == "".join(
        f"{path}: {len(values)} settings\n" for path, values in zip(paths, (for_kestra, for_door), strict=True)
    )

    secrets = {f"SECRET_{setting.name}" for setting in SETTINGS if setting.kestra is KestraKind.SECRET}
    plain = {
        setting.name for setting in SETTINGS if setting.kestra is KestraKind.ENVIRONMENT and COMPLETE.get(setting.name)
    }
    assert for_kestra == {
        **{name: base64_of(COMPLETE[name.removeprefix("SECRET_")]) for name in secrets},
        **{f"ENV_{name}": COMPLETE[name] for name in plain},
    }
    assert all(setting_names.meaning_of(name) for name in for_kestra)
    assert for_door == {
        **{name: for_kestra[name] for name in secrets if "WEBHOOK_KEY" in name or "UNSUBSCRIBE_KEY" in name},
        **{name: value for name, value in COMPLETE.items() if name.startswith("SIGNING_")},
        **{name: COMPLETE[name] for name in ("SENDER_NAME", "DOOR_ORIGINS", "DOOR_RATE")},
        **{f"DOOR_{name}_CONFIGURED": "true" for name in ("NOTION", "RESEND", "DISCORD")},
        "DOOR_TESTING_MODE": "false",
    }
    for name in DOOR_FLAGS.values():
        assert not {COMPLETE[name], for_kestra[f"SECRET_{name}"]} & set(for_door.values())


def test_encode_defines_empty_secrets_and_omits_empty_environment(file: SettingsFile) -> None:
    file.write(lines(COMPLETE | {"DISCORD_WEBHOOK_URL": "", "TESTING_MODE": "true", "NOTION_RATE": ""}))
    for_kestra, for_door = encoded_files(file)
    assert for_kestra["SECRET_DISCORD_WEBHOOK_URL"] == ""
    assert "ENV_NOTION_RATE" not in for_kestra
    assert (for_door["DOOR_DISCORD_CONFIGURED"], for_door["DOOR_TESTING_MODE"]) == ("false", "true")
    assert encode_settings.for_kestra({}) == {
        setting.kestra_name: "" for setting in SETTINGS if setting.kestra is KestraKind.SECRET
    }


# rotate


def test_rotate_adds_a_signing_secret_in_front_and_finish_drops_the_old(file: SettingsFile) -> None:
    file.write(f"# top\n{lines(COMPLETE)}# end\n")
    old = COMPLETE["SIGNING_WEBSITE"]
    output = file.run("rotate", "SIGNING_WEBSITE").stdout
    for part in ("christmas secrets encode", "the website's developers", "rotate SIGNING_WEBSITE --finish"):
        assert part in output
    new, second = file.values()["SIGNING_WEBSITE"].split(",")
    assert second == old != new
    file.run("rotate", "SIGNING_WEBSITE")
    newest, *rest = file.values()["SIGNING_WEBSITE"].split(",")
    assert rest == [new, old]
    assert file.faults() == []
    file.run("rotate", "SIGNING_WEBSITE", "--finish")
    assert file.values() == COMPLETE | {"SIGNING_WEBSITE": newest}
    assert "no old one to drop" in file.run("rotate", "SIGNING_WEBSITE", "--finish", code=2).stderr
    assert file.text().startswith("# top\n")


def test_rotate_keeps_the_unsubscribe_links_of_sent_emails_valid(file: SettingsFile) -> None:
    file.write(lines(COMPLETE))
    output = file.run("rotate", "UNSUBSCRIBE_KEY").stdout
    assert "start Kestra and the door again" in output
    assert "60 days" in output
    new, old = file.values()["UNSUBSCRIBE_KEY"].split(",", 1)
    assert (len(new), old) == (43, COMPLETE["UNSUBSCRIBE_KEY"])


@pytest.mark.parametrize(
    ("name", "before", "form"),
    [
        ("SIGNING_CRM", "", r"whsec_.{44}"),
        ("SIGNING_CALENDLY", "", r"[\w-]{43}"),
    ],
)
def test_first_signing_secret_comes_with_a_warning(file: SettingsFile, name: str, before: str, form: str) -> None:
    file.write(lines(COMPLETE | {name: before}))
    output = file.run("rotate", name).stdout
    assert "calls without a signature are refused" in output
    assert "--finish" not in output
    assert re.fullmatch(form, file.values()[name])


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("SECRET_WEBHOOK_KEY_SIGNUP", "signup-handler needs the new one"),
        ("POSTGRES_PASSWORD", r"\password"),
    ],
)
def test_rotate_replaces_a_single_secret_and_says_where_to_change_it(
    file: SettingsFile, name: str, advice: str
) -> None:
    file.write(lines(COMPLETE))
    assert advice in file.run("rotate", name).stdout
    plain = name.removeprefix("SECRET_")
    values = file.values()
    assert values[plain] != COMPLETE[plain]
    assert {**values, plain: COMPLETE[plain]} == COMPLETE
    assert file.faults() == []
    assert "one secret at a time" in file.run("rotate", name, "--finish", code=2).stderr


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("NOTION_TOKEN", "where the old one came from"),
        ("SIGNING_DOCUSIGN", "with a comma between them"),
        # A secret that somebody typed in place of a name.
        ("Zq7-somebodys-secret", "there is no setting of this name"),
        ("SIGNING_CRM", "the quotes are not closed"),
    ],
)
def test_rotate_refuses_and_changes_nothing(file: SettingsFile, name: str, reason: str) -> None:
    text = lines(COMPLETE).replace("SIGNING_CRM=", "SIGNING_CRM='crm-secret-one-and-only")
    file.write(text)
    error = file.run("rotate", name, code=2).stderr
    assert reason in error
    assert "Zq7" not in error
    assert file.text() == text


# the environment of other commands


def test_plain_and_encoded_files_give_the_same_environment(file: SettingsFile) -> None:
    file.write(lines(COMPLETE))
    file.run("encode")
    plain, encoded = Environment.read(file.path), Environment.read(file.path.with_name(".env.kestra"))
    for setting in SETTINGS:
        if setting.kestra is KestraKind.SECRET and COMPLETE[setting.name]:
            assert plain.secret(setting.name) == encoded.secret(setting.name) == COMPLETE[setting.name]
        elif setting.kestra is KestraKind.ENVIRONMENT:
            assert plain.values.get(str(setting.kestra_name)) == encoded.values.get(str(setting.kestra_name))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("NOTION_TOKEN=x\n", "RESEND_API_KEY"),
        ("SECRET_NOTION_TOKEN=eA==\nKESTRA_PASSWORD=x\n", "SECRET_RESEND_API_KEY"),
    ],
)
def test_missing_secret_is_named_in_the_style_of_its_file(file: SettingsFile, text: str, name: str) -> None:
    file.write(text)
    with pytest.raises(SettingError, match=rf"^{name} is missing in {re.escape(str(file.path))}$"):
        Environment.read(file.path).secret("RESEND_API_KEY")


def test_plain_name_in_the_process_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may belong to another program."""
    monkeypatch.delenv("SECRET_NOTION_TOKEN", raising=False)
    monkeypatch.setenv("NOTION_TOKEN", "x")
    with pytest.raises(SettingError, match=r"^SECRET_NOTION_TOKEN is missing in the environment$"):
        Environment.read(None).secret("NOTION_TOKEN")


@pytest.mark.parametrize("text", ["A B=ntn_private", "NOTION_TOKEN='ntn_private"])
def test_unreadable_line_is_named_without_its_value(file: SettingsFile, text: str) -> None:
    file.write(f"# top\n{text}\n")
    with pytest.raises(SettingError, match=rf"^{re.escape(str(file.path))}:2: ") as error:
        Environment.read(file.path)
    assert "private" not in str(error.value)
