"""The catalogue of settings is complete, and the files made from it are up to date."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from christmas_campaign.campaign.sender_settings import SenderSettings
from christmas_campaign.campaign.settings import LINKS, Settings
from christmas_campaign.deployment import check_settings, encode_settings, example_file, setting_names
from christmas_campaign.deployment.catalogue import DOOR_FLAGS, DOOR_TESTING_MODE, SETTINGS
from christmas_campaign.deployment.setting import FILL_IN, TO_BE_MADE, Setting
from christmas_campaign.local.stack import PROJECT

EXAMPLE = PROJECT / "deploy" / "settings.example.env"
PAGE = PROJECT / "docs" / "settings.md"
HEADING = "## All settings\n\n"
FLOWS = sorted((PROJECT / "flows").glob("*.yml"))


def texts(node: object) -> Iterator[str]:
    """Yield every text of a parsed YAML file."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, (dict, list)):
        for child in [*node.items()] if isinstance(node, dict) else node:
            yield from texts(list(child) if isinstance(child, tuple) else child)


def read_by_flow(file: Path) -> set[str]:
    """Return the settings that a flow's expressions read."""
    names = set()
    for text in texts(yaml.safe_load(file.read_text(encoding="utf-8"))):
        for expression in re.findall(r"\{\{.*?\}\}", text, re.DOTALL):
            names |= {f"SECRET_{name}" for name in re.findall(r"secret\(\s*['\"](\w+)['\"]", expression)}
            names |= {f"ENV_{name.upper()}" for name in re.findall(r"\benvs\.(\w+)", expression)}
    return names


def read_by_package() -> set[str]:
    """Return the texts in the package that are the name of a setting and nothing else."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in (PROJECT / "src").rglob("*.py")]
    constants = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return {
        text
        for text in constants
        if isinstance(text, str) and re.fullmatch(r"(SECRET|ENV|DOOR|SIGNING)_[A-Z_]*[A-Z]", text)
    }


def read_by_deployment() -> set[str]:
    """Return the variables that Compose and Caddy take from ``deploy/.env``, without Compose's own."""
    folder = PROJECT / "deploy"
    names: set[str] = set()
    for file in [*folder.glob("compose*.y*ml"), *folder.glob("Caddyfile*")]:
        text = re.sub(r"^\s*#.*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        names |= {name for pair in re.findall(r"(?<!\$)\$\{(\w+)|\{\$(\w+)", text) for name in pair if name}
    return {name for name in names if not name.startswith(setting_names.COMPOSE_PREFIXES)}


@pytest.mark.parametrize(
    ("names", "least"),
    [(set().union(*map(read_by_flow, FLOWS)), 10), (read_by_package(), 10), (read_by_deployment(), 5)],
    ids=["flows", "package", "deployment"],
)
def test_every_setting_that_is_read_is_in_the_catalogue(names: set[str], least: int) -> None:
    assert len(names) > least
    # The door gets these instead of the settings that it must not have.
    derived = {*DOOR_FLAGS, DOOR_TESTING_MODE}
    assert {name for name in names - derived if setting_names.meaning_of(name) is None} == set()


def test_kestra_gets_no_setting_that_no_flow_reads() -> None:
    names = set().union(*map(read_by_flow, FLOWS))
    if any("'settings': envs" in file.read_text(encoding="utf-8") for file in FLOWS):
        # The steps get the whole environment and read these settings.
        names |= {f"ENV_{name.upper()}" for name in (*Settings._fields, *SenderSettings._fields, *LINKS)}
    # The repair takes its password from Kestra's environment: an undefined secret() would fail the flow.
    names.add("SECRET_KESTRA_PASSWORD")
    assert {setting.kestra_name for setting in SETTINGS if setting.kestra is not None} - names == set()


def test_a_name_is_the_name_of_one_setting() -> None:
    names = [name for setting in SETTINGS for name in {setting.name, setting.kestra_name} if name is not None]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_entry_of_the_catalogue_is_complete(setting: Setting) -> None:
    assert setting.required != bool(setting.if_empty), "an optional setting says what happens without it"
    assert setting.generate is None or setting.after_change, "a generated setting says where to enter it"
    assert setting.description.endswith((".", "?"))
    if setting.required and setting.name != "TESTING_MODE":
        assert check_settings.is_example(setting.example)
    elif setting.example and TO_BE_MADE not in setting.example:
        assert FILL_IN not in setting.example
        assert setting.find_fault(setting.example) is None
    assert not setting.looks_like or setting.find_fault(setting.looks_like) is None


def test_example_and_page_are_made_from_the_catalogue(pytestconfig: pytest.Config) -> None:
    before, heading, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    assert heading
    files = {EXAMPLE: example_file.example(), PAGE: before + HEADING + example_file.tables()}
    for file, text in files.items():
        if pytestconfig.getoption("update_expected"):
            file.write_text(text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == text, "run it with --update-expected"
    in_example = {setting.name for setting in SETTINGS if setting.in_example}
    assert set(re.findall(r"^(\w+)=", files[EXAMPLE], re.MULTILINE)) == in_example
    assert {setting.name for setting in SETTINGS if f"| `{setting.name}` |" not in files[PAGE]} == set()


def test_git_ignores_the_files_with_secrets() -> None:
    ignored = (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/deploy/.env", "/deploy/.env.*"} <= set(ignored)
    assert {encode_settings.KESTRA_FILE, encode_settings.DOOR_FILE} == {".kestra", ".door"}
