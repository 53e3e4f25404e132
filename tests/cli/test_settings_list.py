"""The list of settings: complete, and the pages made from it as it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from christmas_campaign.campaign.settings import LINKS, Settings
from christmas_campaign.deployment import check_settings, encode_settings, example_file, setting_names
from christmas_campaign.deployment.catalogue import DOOR_FLAGS, DOOR_TESTING_MODE, SETTINGS
from christmas_campaign.deployment.setting import FILL_IN, TO_BE_MADE, KestraKind
from christmas_campaign.local.stack import PROJECT

EXAMPLE = PROJECT / "deploy" / "settings.example.env"
PAGE = PROJECT / "docs" / "settings.md"
HEADING = "## All settings\n\n"

#: Names that the door reads of its own environment: what it is told instead of what it must not know.
TOLD = {*DOOR_FLAGS, DOOR_TESTING_MODE}


def texts(node: object) -> Iterator[str]:
    """Every text in what a YAML file holds."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from texts(key)
            yield from texts(value)
    elif isinstance(node, list):
        for each in node:
            yield from texts(each)


def of_flow(file: Path) -> set[str]:
    """The names under which a flow reads settings, in its expressions."""
    found = set()
    for text in texts(yaml.safe_load(file.read_text(encoding="utf-8"))):
        for expression in re.findall(r"\{\{.*?\}\}", text, re.DOTALL):
            found |= {f"SECRET_{name}" for name in re.findall(r"secret\(\s*['\"](\w+)['\"]", expression)}
            found |= {f"ENV_{name.upper()}" for name in re.findall(r"\benvs\.(\w+)", expression)}
    return found


def of_module(file: Path) -> set[str]:
    """The texts in a module that are the name of a setting and nothing else."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    constants = (
        each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )
    return {each for each in constants if re.fullmatch(r"(SECRET|ENV|DOOR|SIGNING)_[A-Z_]*[A-Z]", each)}


def known(name: str) -> bool:
    return setting_names.meaning_of(name) is not None or name in TOLD


FLOWS = sorted((PROJECT / "flows").glob("*.yml"))
MODULES = sorted((PROJECT / "src").rglob("*.py"))


@pytest.mark.parametrize("file", FLOWS, ids=lambda file: file.stem)
def test_every_setting_that_a_flow_reads_is_in_the_list(file: Path) -> None:
    assert {name for name in of_flow(file) if not known(name)} == set()


def test_kestra_gets_no_setting_that_no_flow_reads() -> None:
    read = set().union(*(of_flow(file) for file in FLOWS))
    if any("'settings': envs" in file.read_text(encoding="utf-8") for file in FLOWS):
        # The environment is handed over whole; the steps read these of it.
        read |= {f"ENV_{name.upper()}" for name in (*Settings._fields, *LINKS)}
    # The repair takes its password from Kestra's own environment: a secret() that is not defined would fail it.
    read.add("SECRET_KESTRA_PASSWORD")
    assert {setting.kestra_name for setting in SETTINGS if setting.kestra is not None} - read == set()


def test_every_setting_that_the_package_names_is_in_the_list() -> None:
    found = {name: file.name for file in MODULES for name in of_module(file)}
    assert len(found) > 10
    assert {name: file for name, file in found.items() if not known(name)} == {}


def test_every_name_in_the_deployment_is_in_the_list() -> None:
    """What Compose and Caddy put in from ``deploy/.env``."""
    folder = PROJECT / "deploy"
    wanted: dict[str, str] = {}
    for file in [*folder.glob("compose*.y*ml"), *folder.glob("Caddyfile*")]:
        text = re.sub(r"^\s*#.*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for name in re.findall(r"(?<!\$)\$\{(\w+)|\{\$(\w+)", text):
            wanted |= dict.fromkeys(filter(None, name), file.name)
    unknown = {name: file for name, file in wanted.items() if not known(name)}
    assert {name: file for name, file in unknown.items() if not name.startswith(setting_names.COMPOSE_PREFIXES)} == {}


@pytest.mark.parametrize(
    "name",
    [
        *(f"SECRET_WEBHOOK_KEY_{name}" for name in ("SIGNUP", "NOSHOW", "POSTCALL", "ONBOARDING")),
        *(f"SIGNING_{name}" for name in ("WEBSITE", "CALENDLY", "CRM", "DOCUSIGN", "RESEND")),
        *(f"DOOR_{name}_CONFIGURED" for name in ("NOTION", "RESEND", "DISCORD")),
        *(f"DOOR_{name}" for name in ("TESTING_MODE", "ORIGINS", "RATE", "CONCURRENCY", "INBOX_MOST")),
    ],
)
def test_the_door_gets_what_it_reads(name: str) -> None:
    given = {setting.name: "true" for setting in SETTINGS}
    assert name in encode_settings.for_door(given)


def test_a_name_means_one_setting() -> None:
    names = [setting.name for setting in SETTINGS] + [
        str(setting.kestra_name) for setting in SETTINGS if setting.kestra_name not in (None, setting.name)
    ]
    assert len(names) == len(set(names))


def test_what_may_be_empty_says_what_happens_then_and_what_can_be_made_what_is_to_be_done() -> None:
    for setting in SETTINGS:
        assert setting.required != bool(setting.if_empty), setting.name
        assert setting.generate is None or setting.after_change, setting.name
        assert setting.description.endswith((".", "?")), setting.name


def test_the_example_has_a_placeholder_for_all_that_must_be_given_and_passes_otherwise() -> None:
    for setting in SETTINGS:
        if setting.required and setting.name != "TESTING_MODE":
            assert check_settings.is_example(setting.example), setting.name
        elif setting.example and TO_BE_MADE not in setting.example:
            assert FILL_IN not in setting.example
            assert setting.find_fault(setting.example) is None, setting.name
        if setting.looks_like:
            assert setting.find_fault(setting.looks_like) is None, setting.name


def test_the_example_file_is_as_the_list_says(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("update_expected"):
        EXAMPLE.write_text(example_file.example(), encoding="utf-8")
    assert EXAMPLE.read_text(encoding="utf-8") == example_file.example(), "run it with --update-expected"
    shown = {setting.name for setting in SETTINGS if setting.in_example}
    assert set(re.findall(r"^(\w+)=", example_file.example(), re.MULTILINE)) == shown


def test_the_page_is_as_the_list_says(pytestconfig: pytest.Config) -> None:
    before, heading, now = PAGE.read_text(encoding="utf-8").partition(HEADING)
    assert heading
    if pytestconfig.getoption("update_expected"):
        PAGE.write_text(before + HEADING + example_file.tables(), encoding="utf-8")
        now = example_file.tables()
    assert now == example_file.tables(), "run it with --update-expected"
    for setting in SETTINGS:
        assert f"| `{setting.name}` |" in now


def test_git_ignores_what_is_private_and_keeps_the_example() -> None:
    ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/deploy/.env", "/deploy/.env.*"} <= set(ignored)
    assert EXAMPLE.name == "settings.example.env"
    assert {encode_settings.KESTRA_FILE, encode_settings.DOOR_FILE} == {".kestra", ".door"}


def test_every_secret_is_given_to_kestra_and_nothing_else_that_is_empty() -> None:
    assert encode_settings.for_kestra({}) == {
        setting.kestra_name: "" for setting in SETTINGS if setting.kestra is KestraKind.SECRET
    }
