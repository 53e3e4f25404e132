"""Compares the databases in Notion with the schema, and says how to correct each fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from christmas_campaign.clients.notion import Notion, NotionError, configuration, text
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.json_types import JsonObject, as_object, as_objects, as_text
from christmas_campaign.notion import page_values
from christmas_campaign.notion.schema import DATABASES, Database, Property

#: Notion's limit of select options in one request.
MOST_OPTIONS = 100

#: Notion's status codes for an id that is wrong, or that is not shared with the integration.
_NOT_AVAILABLE = (400, 404)

_SHARE = "in Notion, open the database, choose Connections in its menu and add the integration"


class Fault(NamedTuple):
    """A fault of a database or of one of its properties (``name``), and how to correct it (``fix``).

    ``step`` is what ``christmas notion setup`` does about it (``None``: a person must correct it). ``change`` is the property
    that setup adds, or the select that it extends, as JSON for Notion.
    """

    database: str
    name: str | None
    problem: str
    fix: str
    step: str | None = None
    change: JsonObject | None = None

    def __str__(self) -> str:
        where = self.database if self.name is None else f'{self.database}, "{self.name}"'
        return f"{where}: {self.problem}; {self.fix}"

    def as_json(self) -> JsonObject:
        """Return the fault as ``check --json`` shows it."""
        return {
            "database": self.database,
            "property": self.name,
            "problem": self.problem,
            "mend": self.fix,
            "mendable": self.step is not None,
        }


class DatabaseCheck(NamedTuple):
    """The check of one database: the id of its data source (``None``: it cannot be read), and its faults."""

    database: Database
    source: str | None
    faults: tuple[Fault, ...]


def examine(environment: Environment, notion: Notion) -> list[DatabaseCheck]:
    """Compare every database with the schema. Raises ``NotionError`` if Notion does not answer or refuses the token."""
    ids = {database: _id(environment, notion, database) for database in DATABASES}
    checks = []
    for database, database_id in ids.items():
        if isinstance(database_id, Fault):
            checks.append(DatabaseCheck(database, None, (database_id,)))
            continue
        setting = environment.name_in_file(database.setting)
        same = [
            environment.name_in_file(other.setting)
            for other, other_id in ids.items()
            if other is not database and other_id == database_id
        ]
        if same:
            problem = f"{setting} holds the same id as {' and '.join(same)}"
            fault = Fault(database.title, None, problem, "put the right id into each")
            checks.append(DatabaseCheck(database, None, (fault,)))
        else:
            checks.append(_check_database(environment, notion, database, database_id))
    return checks


def _id(environment: Environment, notion: Notion, database: Database) -> str | Fault:
    """Return the id in the setting of a database, in one form, or the fault of the setting."""
    name = environment.name_in_file(database.setting)
    if environment.values.get(f"SECRET_{database.setting}", "").strip():
        try:
            # Notion accepts an id with and without dashes.
            return environment.database(database).replace("-", "").lower()
        except SettingError as error:
            return Fault(database.title, None, str(error), "write the id as base64: printf %s ID | base64")
    problem = f"{name} is missing in {environment.origin}"
    # A second database of the same name would split the campaign's data.
    same_title = notion.databases_titled(database.title)
    if same_title:
        lines = " or ".join(environment.line(database.setting, database_id) for database_id in same_title)
        return Fault(database.title, None, f"{problem}, but there is a database of this name", f"add the line {lines}")
    fix = "christmas notion setup --parent PAGE_ID makes the database; or, if there is one, put its id into the setting"
    return Fault(database.title, None, problem, fix, "make the database")


def _check_database(environment: Environment, notion: Notion, database: Database, database_id: str) -> DatabaseCheck:
    def only(problem: str, fix: str) -> DatabaseCheck:
        return DatabaseCheck(database, None, (Fault(database.title, None, problem, fix),))

    setting = environment.name_in_file(database.setting)
    described = _if_available(notion.database, database_id)
    if described is None:
        return only(*_wrong_id(environment, notion, database, database_id))
    if page_values.archived(described):
        return only("it is in the trash", "take it out again in Notion")
    sources = as_objects(described["data_sources"])
    if not sources:
        fix = f"if it is a linked view, put the id of the original into {setting}; else {_SHARE}"
        return only("it has no data source that the integration may see", fix)
    if len(sources) > 1:
        names = ", ".join(str(source["name"]) for source in sources)
        fix = f"in Notion, move all but the first to databases of their own, or put another id into {setting}"
        return only(f"it has {len(sources)} data sources ({names}), and the campaign reads only the first", fix)
    source = _if_available(notion.describe, str(sources[0]["id"]))
    if source is None:
        return only("its data source is not shared with the integration", _SHARE)
    properties = properties_of(source)
    problem = _wrong_database(setting, database, text(as_objects(described["title"])), properties)
    if problem:
        first = next(expected for expected in database.properties if expected.type != "title")
        fix = f'put the right id into {setting}, or, if it is the right one, add "{first.name}" ({first.type}) by hand first'
        return only(problem, fix)
    return DatabaseCheck(database, str(source["id"]), tuple(compare(database, properties)))


def _wrong_id(environment: Environment, notion: Notion, database: Database, wrong_id: str) -> tuple[str, str]:
    """Return the problem and the fix for an id that is not the id of a database."""
    setting = environment.name_in_file(database.setting)
    source = _if_available(notion.describe, wrong_id)
    if source is not None:
        line = environment.line(database.setting, as_text(as_object(source["parent"])["database_id"]))
        return f"{setting} holds the id of a data source", f"put the id of its database there: {line}"
    if _if_available(notion.page, wrong_id) is not None:
        return f"{setting} holds the id of a page", "put the id of the database there, which its own address ends with"
    problem = f"there is no database with the id in {setting}, or it is not shared with the integration"
    return problem, f"{_SHARE}; or put the right id into {setting}"


def _if_available(request: Callable[[str], JsonObject], notion_id: str) -> JsonObject | None:
    try:
        return request(notion_id)
    except NotionError as error:
        if error.status not in _NOT_AVAILABLE:
            raise
        return None


def properties_of(source: JsonObject) -> dict[str, JsonObject]:
    """Return the properties of a data source, as Notion returns them, by name."""
    return {name: as_object(configured) for name, configured in as_object(source["properties"]).items()}


def _wrong_database(setting: str, database: Database, title: str, properties: Mapping[str, JsonObject]) -> str | None:
    """Return why a database is probably not the intended one, ``None`` if it may be: setup adds nothing to a wrong one."""
    if title.strip().casefold() == database.title.casefold():
        return None
    own = _count_matching(database, properties)
    best = max(DATABASES, key=lambda candidate: _count_matching(candidate, properties))
    if _count_matching(best, properties) > own:
        return f'{setting} holds the id of "{title}", whose properties are those of {best.title}'
    # A database with only a title is a new one, for setup to fill.
    if not own and any(configured["type"] != "title" for configured in properties.values()):
        return f'{setting} holds the id of "{title}", which has no property of {database.title}'
    return None


def _count_matching(database: Database, properties: Mapping[str, JsonObject]) -> int:
    """Return how many of the properties belong to the database by name and type, without the title."""
    types = {expected.name: expected.type for expected in database.properties if expected.type != "title"}
    return sum(1 for name, configured in properties.items() if types.get(name) == configured["type"])


def compare(database: Database, properties: Mapping[str, JsonObject]) -> Iterator[Fault]:
    """Yield the faults of a data source's properties (as Notion returns them), in the order of the schema."""
    for expected in database.properties:
        configured = properties.get(expected.name)
        if expected.type == "title":
            yield from _title_faults(database, expected, properties)
        elif configured is None:
            yield _missing(database, expected, properties)
        elif configured["type"] != expected.type:
            problem = f"it is {configured['type']}, not {expected.type}"
            fix = f"in Notion, make it {expected.type}, or give it another name and have christmas notion setup add a new one"
            yield Fault(database.title, expected.name, problem, fix)
        elif expected.type == "select":
            yield from _option_faults(database, expected, as_objects(as_object(configured["select"])["options"]))


def _title_faults(database: Database, expected: Property, properties: Mapping[str, JsonObject]) -> Iterator[Fault]:
    title = next(name for name, configured in properties.items() if configured["type"] == "title")
    if title == expected.name:
        return
    fix = f'in Notion, rename "{title}" to "{expected.name}"'
    if expected.name in properties:
        fix = f'in Notion, rename "{expected.name}" to something else, then "{title}" to "{expected.name}"'
    yield Fault(database.title, expected.name, f'the title is called "{title}" instead', fix)


def _missing(database: Database, expected: Property, properties: Mapping[str, JsonObject]) -> Fault:
    others = (name for name, configured in properties.items() if configured["type"] != "title")
    alike = [name for name in others if _normalised(name) == _normalised(expected.name)]
    if alike:
        problem = f'it is missing; there is "{alike[0]}", which differs only in spaces or capitals'
        return Fault(database.title, expected.name, problem, f'in Notion, rename "{alike[0]}" to "{expected.name}"')
    options = f": {', '.join(expected.options)}" if expected.options else ""
    step = f'add "{expected.name}" ({expected.type}{options})'
    fix = "christmas notion setup adds it"
    return Fault(database.title, expected.name, f"it is missing ({expected.type})", fix, step, configuration(expected))


def _option_faults(database: Database, expected: Property, options: Iterable[JsonObject]) -> Iterator[Fault]:
    # Notion replaces the whole list and refuses to change an option's colour, so each option goes back as it came.
    existing: list[JsonObject] = [
        {key: value for key, value in option.items() if value is not None} for option in options
    ]
    names = {option["name"] for option in existing}
    missing = [option for option in expected.options if option not in names]
    if not missing:
        return
    problem = f"it lacks the {'option' if len(missing) == 1 else 'options'} {', '.join(missing)}"
    if len(existing) + len(missing) > MOST_OPTIONS:
        fix = f"add by hand in Notion, whose API accepts at most {MOST_OPTIONS} options"
        yield Fault(database.title, expected.name, problem, fix)
        return
    step = f'add to "{expected.name}": {", ".join(missing)}'
    new_options: list[JsonObject] = [{"name": option} for option in missing]
    change = configuration(expected, [*existing, *new_options])
    yield Fault(database.title, expected.name, problem, "christmas notion setup adds it", step, change)


def _normalised(name: str) -> str:
    return "".join(name.split()).casefold()
