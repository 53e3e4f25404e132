"""``christmas secrets``: every fault is found, what is made holds, what is encoded is what was written; no value is shown."""

from __future__ import annotations

import base64
import json
import re
import stat
import traceback
from pathlib import Path
from typing import Any

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
from christmas_campaign.notion.schema import CONTACTS, DATABASES
from cli.notion_world import TOKEN, World
from cli.test_env_file import as_compose_reads_it

BY_NAME = {setting.name: setting for setting in SETTINGS}

#: A whole installation; none of it is real.
WHOLE = {
    "NOTION_TOKEN": "ntn_" + "3kT7wQ9zLmVx2bRn5cYp" * 2 + "8hJd4s",
    **{each.setting: f"{number}a1b2c3d4e5f60718293a4b5c6d7e8f0" for number, each in enumerate(DATABASES)},
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
SECRET = [name for name, value in WHOLE.items() if value and BY_NAME[name].secret]


def lines(values: dict[str, str]) -> str:
    return "".join(f"{name}={quoted(value)}\n" for name, value in values.items())


class Place:
    """A file of settings, and the command that works on it; whatever it says, no value is in it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / ".env"
        self.private: set[str] = set()

    def write(self, text: str, mode: int = 0o600) -> None:
        self.file.write_bytes(text.encode())
        self.file.chmod(mode)

    def run(self, command: str, *words: str, code: int = 0) -> Result:
        for line in read(self.file.read_text(encoding="utf-8")) if self.file.exists() else []:
            self.keep_private(line.name, line.value)
        result = CliRunner().invoke(main, ["secrets", command, "--env-file", str(self.file), *words])
        for line in read(self.file.read_text(encoding="utf-8")) if self.file.exists() else []:
            self.keep_private(line.name, line.value)
        said = result.output + result.stderr
        if result.exc_info is not None:
            said += "".join(traceback.format_exception(*result.exc_info))
        assert {value for value in self.private if value in said} == set()
        assert result.exit_code == code, said
        return result

    def keep_private(self, name: str, value: str) -> None:
        """Remember the parts of a secret's value, to look for them in what is said."""
        meaning = setting_names.meaning_of(name)
        if meaning is None or (not meaning.setting.secret and not meaning.encoded):
            return
        for part in value.split(","):
            if len(part) > 6 and not check_settings.is_example(part):
                self.private.add(part)

    def values(self) -> dict[str, str]:
        return {line.name: line.value for line in read(self.file.read_text(encoding="utf-8"))}

    def faults(self) -> list[dict[str, Any]]:
        return list(json.loads(self.run("check", "--json", code=1).stdout))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# check


def test_a_whole_file_has_no_fault_and_says_what_is_good_to_know(place: Place) -> None:
    place.write(lines(WHOLE | {"TESTING_MODE": "true"}))
    assert place.run("check").stdout.splitlines() == [
        "SIGNING_CRM is empty: calls of the CRM are accepted without a signature.",
        "SIGNING_RESEND is empty: calls of Resend are accepted without a signature.",
        "TESTING_MODE is true: e-mails are due after minutes, not after days.",
        "All settings are valid.",
    ]
    assert json.loads(place.run("check", "--json").stdout) == []


KEY = WHOLE["WEBHOOK_KEY_SIGNUP"]
TOKEN_64 = base64.b64encode(b"ntn_" + b"a" * 46 + b"\n").decode()

#: A name, what its line says, the kind of the fault, and a word of the problem or the mend.
FAULTS = [
    ("NOTION_TOKEN", "", Kind.MISSING, "settings.example.env"),
    ("NOTION_TOKEN", "ntn_REPLACE_ME", Kind.EXAMPLE, "settings.example.env"),
    ("NOTION_TOKEN", "Bearer ntn_abcdef", Kind.MALFORMED, "ntn_"),
    ("NOTION_TOKEN", "re_" + "a" * 40, Kind.MALFORMED, "ntn_"),
    ("NOTION_TOKEN", "ntn_abcdef", Kind.TOO_SHORT, "whole"),
    ("NOTION_TOKEN", WHOLE["NOTION_TOKEN"] + " ", Kind.BLANK, "blank"),
    ("NOTION_TOKEN", f"'{WHOLE['NOTION_TOKEN']} '", Kind.BLANK, "blank"),
    ("NOTION_TOKEN", f"“{WHOLE['NOTION_TOKEN']}”", Kind.QUOTES, "quotes"),
    ("NOTION_TOKEN", f"""'"{WHOLE["NOTION_TOKEN"]}"'""", Kind.QUOTES, "quotes"),
    ("NOTION_TOKEN", f"'{WHOLE['NOTION_TOKEN']}", Kind.SYNTAX, "closed"),
    ("NOTION_TOKEN", f"'{WHOLE['NOTION_TOKEN']}' x", Kind.SYNTAX, "after the closing"),
    ("NOTION_TOKEN", "ntn_$abcdefghijklmnopqrstuvwxyzabcdefghijklmnop", Kind.SYNTAX, "single quotes"),
    ("NOTION_TOKEN", " # to do", Kind.SYNTAX, "comment"),
    (
        "NOTION_BUSINESSX_DB_ID",
        "https://www.notion.so/0a1b2c3d4e5f60718293a4b5c6d7e8f0?v=1",
        Kind.MALFORMED,
        "before the ?",
    ),
    ("NOTION_BUSINESSX_DB_ID", "0a1b2c3d", Kind.MALFORMED, "32"),
    ("NOTION_BUSINESSX_DB_ID", BY_NAME["NOTION_BUSINESSX_DB_ID"].looks_like, Kind.EXAMPLE, "example"),
    ("RESEND_API_KEY", "sk_" + "a" * 30, Kind.MALFORMED, "re_"),
    ("RESEND_API_KEY", "re_123456789", Kind.TOO_SHORT, "whole"),
    ("TESTING_MODE", "True", Kind.MALFORMED, "true or false"),
    ("SENDER_ADDRESS", "value@mail.example.com", Kind.EXAMPLE, "example"),
    ("SENDER_ADDRESS", "value at mail", Kind.MALFORMED, "no @"),
    ("SENDER_ADDRESS", "Sang Le <value@mail.sangle.ca>", Kind.MALFORMED, "address alone"),
    ("SENDER_NAME", '"“Sang Le”"', Kind.QUOTES, "quotes"),
    ("SENDER_NAME", '"Sang\\nLe"', Kind.MALFORMED, "cannot be seen"),
    ("PUBLIC_URL", "https://campaign.example.com", Kind.EXAMPLE, "example"),
    ("PUBLIC_URL", "", Kind.MISSING, "settings.example.env"),
    ("PUBLIC_URL", "http://campaign.sangle.ca", Kind.MALFORMED, "write https://"),
    ("PUBLIC_URL", "https://campaign.sangle.ca/", Kind.MALFORMED, "no / at the end"),
    ("PUBLIC_URL", "https://campaign.sangle.ca?x", Kind.MALFORMED, "write https://"),
    ("UNSUBSCRIBE_KEY", TO_BE_MADE, Kind.EXAMPLE, "christmas secrets make"),
    ("UNSUBSCRIBE_KEY", "", Kind.MISSING, "christmas secrets make"),
    ("UNSUBSCRIBE_KEY", "short-key_1", Kind.TOO_SHORT, "rotate"),
    ("UNSUBSCRIBE_KEY", f"{KEY}/,", Kind.MALFORMED, "commas only"),
    ("UNSUBSCRIBE_KEY", f"{KEY},", Kind.MALFORMED, "commas only"),
    ("CALENDLY_LINK", "calendly.com/sangle", Kind.MALFORMED, "https://"),
    ("CALENDLY_LINK", "https://", Kind.MALFORMED, "https://"),
    ("NOTION_RATE", "fast", Kind.MALFORMED, "number"),
    ("RESEND_RATE", "nan", Kind.MALFORMED, "number"),
    ("EXPIRES_AFTER_DAYS", "0", Kind.MALFORMED, "1 to 365"),
    ("EXPIRES_AFTER_DAYS", "never", Kind.MALFORMED, "days"),
    ("DISCORD_WEBHOOK_URL", "https://discord.com/channels/1/2", Kind.MALFORMED, "Copy Webhook URL"),
    ("WEBHOOK_KEY_SIGNUP", TO_BE_MADE, Kind.EXAMPLE, "christmas secrets make"),
    ("WEBHOOK_KEY_SIGNUP", "", Kind.MISSING, "christmas secrets make"),
    ("WEBHOOK_KEY_SIGNUP", KEY + "/", Kind.MALFORMED, "part of an address"),
    ("WEBHOOK_KEY_SIGNUP", "short-key_1", Kind.TOO_SHORT, "rotate"),
    ("WEBHOOK_KEY_NOSHOW", WHOLE["WEBHOOK_KEY_SIGNUP"], Kind.SAME_SECRET, "in WEBHOOK_KEY_SIGNUP too"),
    ("SIGNING_WEBSITE", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Kind.EXAMPLE, "make"),
    ("SIGNING_WEBSITE", "whsec_not!base64", Kind.MALFORMED, "whsec_"),
    ("SIGNING_WEBSITE", "whsec_c2hvcnQ=", Kind.TOO_SHORT, "short"),
    ("SIGNING_CALENDLY", "short-key", Kind.TOO_SHORT, "longer"),
    ("SIGNING_CALENDLY", "calendly-signing-key-1, calendly-signing-key-0", Kind.MALFORMED, "commas only"),
    ("SIGNING_CALENDLY", "calendly-signing-key-1,", Kind.MALFORMED, "comma"),
    ("SIGNING_CALENDLY", "calendly-signing-key-1,calendly-signing-key-1", Kind.SAME_SECRET, "twice"),
    ("DOOR_ORIGINS", "https://www.sangle.ca/", Kind.MALFORMED, "scheme and name"),
    ("DOOR_ORIGINS", "*", Kind.MALFORMED, "scheme and name"),
    ("DOOR_RATE", "0", Kind.MALFORMED, "whole number"),
    # What only the door itself knows.
    ("DOOR_RATE", "1000001", Kind.MALFORMED, "from 1 to 1000000"),
    ("DOOR_CONCURRENCY", "99999", Kind.MALFORMED, "it must be a whole number from 1 to 10000"),
    ("DOOR_INBOX_MOST", "99999999", Kind.MALFORMED, "the door does not start"),
    ("DOOR_ORIGINS", "https://WWW.sangle.ca", Kind.MALFORMED, "lower case"),
    ("DOOR_KESTRA_URL", "http://kestra:8080/?x", Kind.MALFORMED, "begins with http"),
    ("DOOR_PROXIES", "172.30.0.1/24", Kind.MALFORMED, "network"),
    ("DOOR_LISTEN", "127.0.0.1", Kind.MALFORMED, "port"),
    ("DOMAIN", "https://campaign.sangle.ca", Kind.MALFORMED, "without https://"),
    ("DOMAIN", "203.0.113.9", Kind.MALFORMED, "name"),
    ("KESTRA_IMAGE", "kestra/kestra", Kind.MALFORMED, "NAME:TAG"),
    ("KESTRA_IMAGE", "kestra/kestra:v1.3.31@sha256:DIGEST", Kind.MALFORMED, "digest"),
    ("POSTGRES_PASSWORD", "short-Pass-1", Kind.TOO_SHORT, "16"),
    ("POSTGRES_PASSWORD", WHOLE["KESTRA_PASSWORD"] + "Aa1", Kind.SYNTAX, "single quotes"),
    ("KESTRA_USERNAME", "owner", Kind.MALFORMED, "e-mail address"),
    ("KESTRA_PASSWORD", "Pass-19", Kind.TOO_SHORT, "short"),
    ("KESTRA_PASSWORD", "kestra-pass-1919", Kind.MALFORMED, "a capital"),
    ("KESTRA_PASSWORD", "Admin1234!", Kind.EXAMPLE, "make"),
    ("TIME_SCALE", "100", Kind.MALFORMED, "real Resend"),
    ("SECRET_DISCORD_WEBHOOK_URL", "not base64!", Kind.NOT_BASE64, "DISCORD_WEBHOOK_URL"),
    ("NOTION_TOKN", WHOLE["NOTION_TOKEN"], Kind.UNKNOWN, "did you mean NOTION_TOKEN?"),
    ("notion_token", WHOLE["NOTION_TOKEN"], Kind.UNKNOWN, "did you mean NOTION_TOKEN?"),
]


@pytest.mark.parametrize(("name", "value", "kind", "word"), FAULTS, ids=[f"{each[0]}-{each[2]}" for each in FAULTS])
def test_a_fault_is_found_with_its_line_its_name_and_the_mend(
    place: Place, name: str, value: str, kind: Kind, word: str
) -> None:
    rest = {each: given for each, given in WHOLE.items() if each != name.removeprefix("SECRET_")}
    before, after = dict(list(rest.items())[:9]), dict(list(rest.items())[9:])
    place.write(f"# the settings\n\n{lines(before)}{name}={value}\n{lines(after)}")
    place.keep_private(name, value.strip("'\"“” "))
    (found,) = [fault for fault in place.faults() if fault["kind"] != "missing" or kind is Kind.MISSING]
    assert (found["kind"], found["name"]) == (str(kind), name)
    # One secret in two places, and two settings that do not go together, are no matter of one line.
    assert found["line"] == 12 or kind is Kind.SAME_SECRET or name == "TIME_SCALE"
    assert word in found["problem"] + found["mend"]
    assert found["mend"]
    shown = place.run("check", code=1).stdout
    where = f"{place.file}:{found['line']}" if found["line"] else str(place.file)
    assert f"{where}: {name}: {found['problem']}; {found['mend']}\n" in shown
    assert place.run("encode", code=1).stdout == shown
    assert [each.name for each in place.file.parent.iterdir()] == [".env"]


@pytest.mark.parametrize(
    "image",
    ["kestra/kestra:v1.3.31", f"kestra/kestra:v1.3.31@sha256:{'0a' * 32}", "registry.sangle.ca:5000/kestra:v1.3.31"],
)
def test_image_with_a_tag_is_accepted(place: Place, image: str) -> None:
    place.write(lines({**WHOLE, "KESTRA_IMAGE": image}))
    assert json.loads(place.run("check", "--json").stdout) == []


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS if setting.required])
def test_what_is_missing_is_named(place: Place, name: str) -> None:
    place.write(lines({each: value for each, value in WHOLE.items() if each != name}))
    (found,) = place.faults()
    assert (found["kind"], found["line"], found["name"]) == ("missing", None, name)


def test_a_new_line_that_was_encoded_with_it_is_found(place: Place) -> None:
    values = {name: value for name, value in WHOLE.items() if name != "NOTION_TOKEN"}
    place.write(f"SECRET_NOTION_TOKEN={TOKEN_64}\n{lines(values)}")
    (found,) = place.faults()
    assert (found["kind"], found["line"], found["name"]) == ("blank", 1, "SECRET_NOTION_TOKEN")
    assert "new line" in found["problem"]
    assert "plain value under its plain name, NOTION_TOKEN" in found["mend"]


def test_one_setting_on_two_lines_is_found_whatever_it_is_called(place: Place) -> None:
    encoded = base64.b64encode(KEY.encode()).decode()
    place.write(f"{lines(WHOLE)}DOMAIN=other.sangle.ca\nSECRET_WEBHOOK_KEY_SIGNUP={encoded}\n")
    number = len(WHOLE)
    first = list(WHOLE).index("DOMAIN") + 1
    found = place.faults()
    assert [(each["kind"], each["line"], each["name"]) for each in found] == [
        ("twice", number + 1, "DOMAIN"),
        ("twice", number + 2, "SECRET_WEBHOOK_KEY_SIGNUP"),
    ]
    assert found[0]["problem"] == f"it is on line {first} already"
    assert found[1]["problem"].endswith("already, as WEBHOOK_KEY_SIGNUP")


def test_the_same_id_for_two_databases_is_found_however_it_is_written(place: Place) -> None:
    first, second = (each.setting for each in DATABASES[:2])
    value = WHOLE[first]
    dashed = "-".join((value[:8], value[8:12], value[12:16], value[16:20], value[20:])).upper()
    place.write(lines(WHOLE | {second: dashed}))
    (found,) = place.faults()
    assert (found["kind"], found["name"], found["problem"]) == (
        "same_secret",
        second,
        f"the same value is in {first} too",
    )


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_file_that_others_may_read_is_found(place: Place, mode: int) -> None:
    place.write(lines(WHOLE), mode)
    (found,) = place.faults()
    assert (found["kind"], found["line"], found["mend"]) == ("readable", None, f"chmod 600 {place.file}")


def test_a_secret_that_was_broken_over_two_lines_is_not_shown(place: Place) -> None:
    """The second half looks like a setting: what stands before its = is a piece of the secret."""
    half = "Zx8QwErTyUiOpAsDfGhJkLzXcVbNm=="
    place.private |= {half, half.rstrip("=")}
    place.write(f"{lines(WHOLE)}{half}\n{half.rstrip('=')}\n{half.upper()}\n")
    place.private |= {half.upper().rstrip("=")}
    assert [(each["kind"], each["line"], each["name"]) for each in place.faults()] == [
        ("unknown", len(WHOLE) + 1, None),
        ("syntax", len(WHOLE) + 2, None),
        ("unknown", len(WHOLE) + 3, None),
    ]


def test_all_faults_are_found_at_once_in_the_order_of_the_lines(place: Place) -> None:
    place.write(example_file.example(), 0o644)
    found = place.faults()
    wanted = [setting.name for setting in SETTINGS if setting.in_example and check_settings.is_example(setting.example)]
    assert [each["name"] for each in found] == [None, *wanted]
    assert [each["line"] for each in found if each["line"]] == sorted(each["line"] for each in found if each["line"])
    assert f"{len(wanted) + 1} faults.\n" in place.run("check", code=1).stdout


def test_all_that_the_door_does_not_start_with_is_found_at_once(place: Place) -> None:
    wrong = {"DOOR_RATE": "1000001", "DOOR_CONCURRENCY": "99999", "DOOR_ORIGINS": "https://WWW.sangle.ca"}
    place.write(lines(WHOLE | wrong))
    assert sorted(fault["name"] for fault in place.faults()) == sorted(wrong)
    place.write(lines(WHOLE | {"DOOR_RATE": "1000000", "DOOR_CONCURRENCY": "10000"}))
    place.run("check")


def test_a_name_of_composes_own_is_none_of_our_business(place: Place) -> None:
    place.write(f"{lines(WHOLE)}COMPOSE_PROJECT_NAME=christmas\n")
    assert place.run("check", "--json").stdout == "[]\n"


@pytest.mark.parametrize("command", ["check", "encode"])
def test_a_file_that_is_not_there_is_said_plainly(place: Place, command: str) -> None:
    assert (
        place.run(command, code=2).stderr
        == f"christmas: {place.file} does not exist: christmas secrets make creates it\n"
    )
    assert "does not exist" in place.run("rotate", "WEBHOOK_KEY_SIGNUP", code=2).stderr


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1),
)
def test_no_value_is_ever_said_whatever_it_is(tmp_path: Path, name: str, value: str) -> None:
    place = Place(tmp_path)
    marked = f"Zq7{value}7qZ"
    place.write(lines(WHOLE) + f"{name}={marked}\nX{marked}\n{name}={quoted(marked)}\n")
    for words in (["check"], ["check", "--json"], ["encode"], ["make"], ["rotate", name], ["rotate", name, "--finish"]):
        result = CliRunner().invoke(main, ["secrets", words[0], "--env-file", str(place.file), *words[1:]])
        assert result.exit_code in (0, 1, 2), result.output
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert "Zq7" not in result.output + result.stderr


# make


def test_make_begins_with_the_example_and_makes_all_that_is_ours(place: Place) -> None:
    said = place.run("make").stdout
    values = place.values()
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o600
    made = [setting for setting in SETTINGS if setting.example == TO_BE_MADE]
    assert [line.split(";")[0] for line in said.splitlines()[1:-1]] == [f"Generated: {each.name}" for each in made]
    for setting in made:
        assert setting.find_fault(values[setting.name]) is None, setting.name
    assert len({values[each.name] for each in made}) == len(made)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", values["SIGNING_WEBSITE"])
    assert len(base64.b64decode(values["SIGNING_WEBSITE"].removeprefix("whsec_"))) == 32
    assert "calls without a signature are refused" in said
    assert place.values()["SIGNING_CRM"] == ""
    # All else is as the example has it, to the letter.
    put_back = place.file.read_text(encoding="utf-8")
    for setting in made:
        put_back = put_back.replace(
            f"{setting.name}={quoted(values[setting.name])}\n", f"{setting.name}={TO_BE_MADE}\n"
        )
    assert put_back == example_file.example()
    left = {each["name"] for each in place.faults()}
    assert left == {each.name for each in SETTINGS if each.required and not each.generate} - {"TESTING_MODE"}


def test_make_again_changes_nothing(place: Place) -> None:
    place.run("make")
    before, inode = place.file.read_bytes(), place.file.stat().st_ino
    assert place.run("make").stdout == "There was nothing to generate.\n"
    assert (place.file.read_bytes(), place.file.stat().st_ino) == (before, inode)
    assert json.loads(place.run("make", "--json").stdout) == []


def test_make_makes_only_what_is_missing_and_keeps_the_rest_to_the_letter(place: Place) -> None:
    # What the example leaves empty is not made where its line is missing: it would shut a sender out.
    gone = ("SIGNING_WEBSITE", "SIGNING_CRM", "WEBHOOK_KEY_NOSHOW")
    values = {name: value for name, value in WHOLE.items() if name not in gone}
    text = f"# mine\r\n\n  # and this\n{lines(values)}".replace(
        "WEBHOOK_KEY_POSTCALL=", "export WEBHOOK_KEY_POSTCALL= "
    )
    text = text.replace(KEY, f"'{TO_BE_MADE}'   # website").removesuffix("\n")
    place.write(text, 0o644)
    made = json.loads(place.run("make", "--json").stdout)
    assert [each["name"] for each in made] == ["WEBHOOK_KEY_SIGNUP", "WEBHOOK_KEY_NOSHOW", "SIGNING_WEBSITE"]
    now = place.file.read_bytes().decode()
    assert now.startswith(text.replace(f"'{TO_BE_MADE}'", place.values()["WEBHOOK_KEY_SIGNUP"]) + "\n\n# ")
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o600
    place.run("check")


def test_make_closes_a_file_that_others_may_read_though_nothing_is_to_be_made(place: Place) -> None:
    place.write(lines(WHOLE), 0o644)
    place.run("make")
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o600
    assert place.file.read_text(encoding="utf-8") == lines(WHOLE)


def test_make_keeps_a_secret_that_stands_there_as_kestra_wants_it_and_makes_one_in_the_same_way(place: Place) -> None:
    values = {name: value for name, value in WHOLE.items() if not name.startswith("WEBHOOK_KEY_")}
    kept = base64.b64encode(KEY.encode()).decode()
    place.write(
        f"{lines(values)}SECRET_WEBHOOK_KEY_SIGNUP={kept}\nSECRET_WEBHOOK_KEY_NOSHOW=\nSECRET_WEBHOOK_KEY_POSTCALL=%%\n"
    )
    made = json.loads(place.run("make", "--json").stdout)
    assert [each["name"] for each in made] == [
        "WEBHOOK_KEY_NOSHOW",
        "WEBHOOK_KEY_ONBOARDING",
        "WEBHOOK_KEY_PRECALL",
        "WEBHOOK_KEY_UNSUBSCRIBE",
        "WEBHOOK_KEY_RESEND",
    ]
    now = place.values()
    assert now["SECRET_WEBHOOK_KEY_SIGNUP"] == kept
    assert BY_NAME["WEBHOOK_KEY_NOSHOW"].find_fault(base64.b64decode(now["SECRET_WEBHOOK_KEY_NOSHOW"]).decode()) is None
    # It may be the only copy of something: check names it.
    assert now["SECRET_WEBHOOK_KEY_POSTCALL"] == "%%"


def test_make_refuses_to_choose_between_two_lines(place: Place) -> None:
    place.write(f"{lines(WHOLE)}WEBHOOK_KEY_SIGNUP={TO_BE_MADE}\n")
    before = place.file.read_bytes()
    assert "WEBHOOK_KEY_SIGNUP stands on lines" in place.run("make", code=2).stderr
    assert place.file.read_bytes() == before


def test_a_make_that_cannot_write_leaves_the_old_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    text = lines(WHOLE | {"WEBHOOK_KEY_SIGNUP": TO_BE_MADE})
    place.write(text)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "No space left on device" in place.run("make", code=2).stderr
    assert place.file.read_text(encoding="utf-8") == text
    assert [each.name for each in place.file.parent.iterdir()] == [".env"]


def test_a_made_password_is_always_one_that_kestra_takes() -> None:
    for _ in range(300):
        assert BY_NAME["KESTRA_PASSWORD"].find_fault(make_settings.new_secret(SecretKind.PASSWORD)) is None


# encode


def test_encode_writes_what_kestra_and_the_door_get(place: Place) -> None:
    place.write(lines(WHOLE))
    kestra, door = place.file.with_name(".env.kestra"), place.file.with_name(".env.door")
    for old in (kestra, door):
        old.write_text("OLD=1\n", encoding="utf-8")
        old.chmod(0o644)
    said = place.run("encode").stdout
    for file in (kestra, door):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for_kestra = as_compose_reads_it(kestra.read_text(encoding="utf-8"))
    for_door = as_compose_reads_it(door.read_text(encoding="utf-8"))
    assert said == f"{kestra}: {len(for_kestra)} settings\n{door}: {len(for_door)} settings\n"

    secret = {f"SECRET_{each.name}" for each in SETTINGS if each.kestra is KestraKind.SECRET}
    assert {name for name in for_kestra if name.startswith("SECRET_")} == secret
    for name in secret:
        assert base64.b64decode(for_kestra[name], validate=True).decode() == WHOLE[name.removeprefix("SECRET_")]
    plain = {name: value for name, value in for_kestra.items() if name not in secret}
    assert plain == {
        f"ENV_{each.name}": WHOLE[each.name]
        for each in SETTINGS
        if each.kestra is KestraKind.ENVIRONMENT and WHOLE.get(each.name)
    }

    keys = {name: for_kestra[name] for name in secret if "WEBHOOK_KEY" in name or "UNSUBSCRIBE_KEY" in name}
    assert for_door == {
        **keys,
        **{name: value for name, value in WHOLE.items() if name.startswith("SIGNING_")},
        "SENDER_NAME": WHOLE["SENDER_NAME"],
        "DOOR_ORIGINS": WHOLE["DOOR_ORIGINS"],
        "DOOR_RATE": "90",
        "DOOR_NOTION_CONFIGURED": "true",
        "DOOR_RESEND_CONFIGURED": "true",
        "DOOR_DISCORD_CONFIGURED": "true",
        "DOOR_TESTING_MODE": "false",
    }
    for name in DOOR_FLAGS.values():
        for value in (WHOLE[name], for_kestra[f"SECRET_{name}"]):
            assert value not in door.read_text(encoding="utf-8")


def test_what_is_not_given_is_told_to_the_door_and_defined_for_kestra(place: Place) -> None:
    place.write(lines(WHOLE | {"DISCORD_WEBHOOK_URL": "", "TESTING_MODE": "true", "NOTION_RATE": ""}))
    place.run("encode")
    for_kestra = as_compose_reads_it(place.file.with_name(".env.kestra").read_text(encoding="utf-8"))
    for_door = as_compose_reads_it(place.file.with_name(".env.door").read_text(encoding="utf-8"))
    assert for_kestra["SECRET_DISCORD_WEBHOOK_URL"] == ""
    assert "ENV_NOTION_RATE" not in for_kestra
    assert (for_door["DOOR_DISCORD_CONFIGURED"], for_door["DOOR_TESTING_MODE"]) == ("false", "true")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.text("Lệab\\\"'$#= {}\t%!é🎄", min_size=1).map(lambda text: f"S{text}e"),
    password=st.text("aZ9$#\"'\\={}%!,;&", max_size=30)
    .map(lambda text: f"Ab3defghijklmnop{text}Q")
    .filter(lambda text: not any(quote in text for quote in "\"'")),
)
def test_any_value_arrives_in_the_containers_as_it_was_written(tmp_path: Path, name: str, password: str) -> None:
    place = Place(tmp_path)
    if any(character == "\t" for character in name):
        name = name.replace("\t", " ")
    place.write(lines(WHOLE | {"SENDER_NAME": name, "KESTRA_PASSWORD": password, "POSTGRES_PASSWORD": f"{password}x"}))
    place.run("encode")
    read_back = as_compose_reads_it(place.file.with_name(".env.kestra").read_text(encoding="utf-8"))
    assert read_back["ENV_SENDER_NAME"] == name
    assert base64.b64decode(read_back["SECRET_KESTRA_PASSWORD"]).decode() == password
    # Compose itself reads the file too, for what its own files name.
    assert as_compose_reads_it(place.file.read_text(encoding="utf-8"))["POSTGRES_PASSWORD"] == f"{password}x"


def test_a_file_as_kestra_wants_it_is_encoded_to_the_same(place: Place) -> None:
    place.write(lines(WHOLE))
    place.run("encode")
    target = place.file.with_name(".env.kestra")
    before = target.read_text(encoding="utf-8")
    rest = {each.name: WHOLE[each.name] for each in SETTINGS if each.name in WHOLE and each.kestra is None}
    place.write(before + lines(rest))
    place.run("encode")
    assert target.read_text(encoding="utf-8") == before


# rotate


def test_rotate_puts_a_signing_secret_in_front_and_finish_drops_the_old(place: Place) -> None:
    place.write(f"# top\n{lines(WHOLE)}# end\n")
    old = WHOLE["SIGNING_WEBSITE"]
    said = place.run("rotate", "SIGNING_WEBSITE").stdout
    assert "christmas secrets encode" in said
    assert "the website's developers" in said
    assert "christmas secrets rotate SIGNING_WEBSITE --finish" in said
    new, kept = place.values()["SIGNING_WEBSITE"].split(",")
    assert kept == old != new
    assert check_settings.check(place.file).faults == ()
    place.run("rotate", "SIGNING_WEBSITE")
    third = place.values()["SIGNING_WEBSITE"].split(",")
    assert third[1:] == [new, old]
    place.run("rotate", "SIGNING_WEBSITE", "--finish")
    assert place.values() == WHOLE | {"SIGNING_WEBSITE": third[0]}
    assert "no old one to drop" in place.run("rotate", "SIGNING_WEBSITE", "--finish", code=2).stderr
    assert place.values()["SIGNING_WEBSITE"] == third[0]
    assert place.file.read_text(encoding="utf-8").startswith("# top\n")


def test_rotate_keeps_the_links_of_the_emails_that_were_sent(place: Place) -> None:
    place.write(lines(WHOLE))
    said = place.run("rotate", "UNSUBSCRIBE_KEY").stdout
    assert "start Kestra and the door again" in said
    assert "have to work for 60 days at least; the old one holds until christmas secrets rotate UNSUBSCRIBE_KEY" in said
    assert "signature" not in said
    new, *olds = place.values()["UNSUBSCRIBE_KEY"].split(",")
    assert (len(new), ",".join(olds)) == (43, WHOLE["UNSUBSCRIBE_KEY"])
    assert check_settings.check(place.file).faults == ()
    assert "start Kestra and the door again" in place.run("rotate", "UNSUBSCRIBE_KEY", "--finish").stdout
    assert place.values()["UNSUBSCRIBE_KEY"] == new


def test_rotate_makes_a_first_one_and_says_that_unsigned_calls_are_refused_then(place: Place) -> None:
    place.write(lines(WHOLE | {"SIGNING_CALENDLY": "", "SIGNING_WEBSITE": TO_BE_MADE}))
    for name, form in (
        ("SIGNING_CRM", r"whsec_.{44}"),
        ("SIGNING_CALENDLY", r"[\w-]{43}"),
        ("SIGNING_WEBSITE", r"whsec_.{44}"),
    ):
        said = place.run("rotate", name).stdout
        assert "calls without a signature are refused" in said
        assert "--finish" not in said
        assert re.fullmatch(form, place.values()[name])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("WEBHOOK_KEY_SIGNUP", "signup-handler needs the new one"),
        ("SECRET_WEBHOOK_KEY_SIGNUP", "signup-handler needs the new one"),
        ("POSTGRES_PASSWORD", r"\password"),
        ("KESTRA_PASSWORD", "Kestra's pages"),
    ],
)
def test_rotate_replaces_what_is_one_at_a_time_and_says_what_is_to_be_done(place: Place, name: str, told: str) -> None:
    place.write(lines(WHOLE))
    said = place.run("rotate", name).stdout
    assert told in said
    plain = name.removeprefix("SECRET_")
    now = place.values()
    assert now[plain] != WHOLE[plain]
    assert {**now, plain: WHOLE[plain]} == WHOLE
    place.run("check")
    assert "one secret at a time" in place.run("rotate", name, "--finish", code=2).stderr


def test_rotate_keeps_base64_where_it_is(place: Place) -> None:
    values = {name: value for name, value in WHOLE.items() if name != "WEBHOOK_KEY_SIGNUP"}
    place.write(f"{lines(values)}SECRET_WEBHOOK_KEY_SIGNUP={base64.b64encode(KEY.encode()).decode()}\n")
    place.run("rotate", "WEBHOOK_KEY_SIGNUP")
    new = base64.b64decode(place.values()["SECRET_WEBHOOK_KEY_SIGNUP"]).decode()
    assert new != KEY
    assert BY_NAME["WEBHOOK_KEY_SIGNUP"].find_fault(new) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("NOTION_TOKEN", "where the old one came from, and write it into the file"),
        ("SIGNING_DOCUSIGN", "with a comma between them"),
        ("SENDER_NAME", "is no secret"),
        ("SIGNING_WEBSIT", "did you mean SIGNING_WEBSITE?"),
    ],
)
def test_rotate_refuses_what_is_not_ours_to_make(place: Place, name: str, why: str) -> None:
    place.write(lines(WHOLE))
    assert why in place.run("rotate", name, code=2).stderr
    assert place.file.read_text(encoding="utf-8") == lines(WHOLE)


def test_rotate_does_not_repeat_what_was_typed_in_the_wrong_place(place: Place) -> None:
    place.write(lines(WHOLE))
    place.private.add("Zq7-somebodys-secret")
    assert "there is no setting of this name" in place.run("rotate", "Zq7-somebodys-secret", code=2).stderr


def test_rotate_does_not_touch_a_line_that_nobody_can_read(place: Place) -> None:
    text = lines(WHOLE | {"SIGNING_CRM": ""}).replace("SIGNING_CRM=", "SIGNING_CRM='crm-secret-one-and-only")
    place.write(text)
    assert "the quotes are not closed" in place.run("rotate", "SIGNING_CRM", code=2).stderr
    assert place.file.read_text(encoding="utf-8") == text


# what reads the file


def test_the_other_commands_read_the_plain_file_as_they_read_kestras(place: Place) -> None:
    place.write(lines(WHOLE))
    place.run("encode")
    plain, kestras = Environment.read(place.file), Environment.read(place.file.with_name(".env.kestra"))
    for setting in SETTINGS:
        if setting.kestra is KestraKind.SECRET and WHOLE[setting.name]:
            assert plain.secret(setting.name) == kestras.secret(setting.name) == WHOLE[setting.name]
        elif setting.kestra is KestraKind.ENVIRONMENT:
            assert plain.values.get(str(setting.kestra_name)) == kestras.values.get(str(setting.kestra_name))


def test_what_is_missing_is_called_as_the_file_calls_it(place: Place) -> None:
    place.write("NOTION_TOKEN=x\n")
    with pytest.raises(SettingError, match=rf"^RESEND_API_KEY is missing in {re.escape(str(place.file))}$"):
        Environment.read(place.file).secret("RESEND_API_KEY")
    for text in ("SECRET_NOTION_TOKEN=eA==\n", "SECRET_NOTION_TOKEN=eA==\nKESTRA_PASSWORD=x\n"):
        place.write(text)
        with pytest.raises(SettingError, match=r"^SECRET_RESEND_API_KEY is missing"):
            Environment.read(place.file).secret("RESEND_API_KEY")


def test_a_plain_name_in_the_process_is_nobodys_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be another program's."""
    monkeypatch.delenv("SECRET_NOTION_TOKEN", raising=False)
    monkeypatch.setenv("NOTION_TOKEN", "x")
    with pytest.raises(SettingError, match=r"^SECRET_NOTION_TOKEN is missing in the environment$"):
        Environment.read(None).secret("NOTION_TOKEN")


def test_a_secret_as_kestra_wants_it_goes_before_a_plain_one(place: Place) -> None:
    place.write(f"NOTION_TOKEN=plain\nSECRET_NOTION_TOKEN={base64.b64encode(b'encoded').decode()}\n")
    assert Environment.read(place.file).secret("NOTION_TOKEN") == "encoded"
    place.write("NOTION_TOKEN=plain\nSECRET_NOTION_TOKEN=\n")
    assert Environment.read(place.file).secret("NOTION_TOKEN") == "plain"


@pytest.mark.parametrize("text", ["A B=ntn_private", "NOTION_TOKEN='ntn_private", "NOTION_TOKEN='ntn_private'x"])
def test_a_line_that_cannot_be_read_is_named_without_its_value(place: Place, text: str) -> None:
    place.write(f"# top\n{text}\n")
    with pytest.raises(SettingError, match=rf"^{re.escape(str(place.file))}:2: ") as raised:
        Environment.read(place.file)
    assert "private" not in str(raised.value)


def test_a_command_works_with_the_plain_file(whole: World) -> None:
    plain = {"NOTION_URL": whole.sandbox.notion_url, "NOTION_TOKEN": TOKEN, **whole.ids}
    whole.settings = plain
    assert whole.run("check").stdout == f"All {len(DATABASES)} databases have what the campaign needs.\n"
    del whole.settings[CONTACTS.setting]
    (fault,) = whole.json("check", code=1)
    assert f"{CONTACTS.setting} is missing in {whole.file}" in fault["problem"]
    assert fault["problem"].startswith(CONTACTS.setting)
    assert f"add the line {CONTACTS.setting}={whole.ids[CONTACTS.setting]}" in fault["mend"]


def test_the_encoded_file_has_no_name_that_the_list_does_not_know() -> None:
    for name in encode_settings.for_kestra(WHOLE):
        assert setting_names.meaning_of(name) is not None
