"""The databases in Notion against the schema: what is wrong with them, and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from christmas_campaign.clients.notion import Notion, NotionError, configuration, text
from christmas_campaign.deployment.environment import Environment, SettingError
from christmas_campaign.json_types import JsonObject, as_object, as_objects, as_text
from christmas_campaign.notion import page_values
from christmas_campaign.notion.schema import DATABASES, Database, Property

#: The most options of a select that Notion takes in one request.
MOST_OPTIONS = 100

#: What Notion answers where an id is not what it should be, or is not shared with the integration.
_NOT_THERE = (400, 404)

_SHARE = "in Notion, open the database, choose Connections in its menu and add the integration"


class Fault(NamedTuple):
    """One thing that is wrong with a database, or with one of its properties.

    ``name`` is the property's. ``step`` is what ``setup`` does about it (``None``: a person must mend it), and ``change`` the
    property that it adds or the select that it extends, as Notion takes it.
    """

    database: str
    name: str | None
    problem: str
    mend: str
    step: str | None = None
    change: JsonObject | None = None

    def __str__(self) -> str:
        where = self.database if self.name is None else f'{self.database}, "{self.name}"'
        return f"{where}: {self.problem}; {self.mend}"

    def as_json(self) -> JsonObject:
        """Return it as ``check --json`` shows it."""
        return {
            "database": self.database,
            "property": self.name,
            "problem": self.problem,
            "mend": self.mend,
            "mendable": self.step is not None,
        }


class Found(NamedTuple):
    """What was found of one database: its data source (``None``: it could not be looked into), and what is wrong."""

    database: Database
    source: str | None
    faults: tuple[Fault, ...]


def examine(environment: Environment, notion: Notion) -> list[Found]:
    """Compare every database with the schema. Raises ``NotionError`` where Notion cannot be asked."""
    ids = {database: _id(environment, notion, database) for database in DATABASES}
    found = []
    for database, held in ids.items():
        if isinstance(held, Fault):
            found.append(Found(database, None, (held,)))
            continue
        spelled = environment.name_in_file(database.setting)
        same = [
            environment.name_in_file(other.setting)
            for other, its in ids.items()
            if other is not database and its == held
        ]
        if same:
            problem = f"{spelled} holds the same id as {' and '.join(same)}"
            found.append(Found(database, None, (Fault(database.title, None, problem, "put the right id into each"),)))
        else:
            found.append(_look(environment, notion, database, held))
    return found


def _id(environment: Environment, notion: Notion, database: Database) -> str | Fault:
    name = environment.name_in_file(database.setting)
    if environment.values.get(f"SECRET_{database.setting}", "").strip():
        try:
            # With and without dashes it is the same id.
            return environment.database(database).replace("-", "").lower()
        except SettingError as error:
            return Fault(database.title, None, str(error), "write the id as base64: printf %s ID | base64")
    problem = f"{name} is missing in {environment.origin}"
    # Making one more beside it would part the campaign's data in two.
    there = notion.databases_titled(database.title)
    if there:
        lines = " or ".join(environment.line(database.setting, each) for each in there)
        return Fault(database.title, None, f"{problem}, but there is a database of this name", f"add the line {lines}")
    mend = (
        "christmas notion setup --parent PAGE_ID makes the database; or, if there is one, put its id into the setting"
    )
    return Fault(database.title, None, problem, mend, "make the database")


def _look(environment: Environment, notion: Notion, database: Database, database_id: str) -> Found:
    def only(problem: str, mend: str) -> Found:
        return Found(database, None, (Fault(database.title, None, problem, mend),))

    setting = environment.name_in_file(database.setting)
    described = _if_there(notion.database, database_id)
    if described is None:
        return only(*_what_else(environment, notion, database, database_id))
    if page_values.archived(described):
        return only("it is in the trash", "take it out again in Notion")
    sources = as_objects(described["data_sources"])
    if not sources:
        mend = f"if it is a linked view, put the id of the original into {setting}; else {_SHARE}"
        return only("it has no data source that the integration may see", mend)
    if len(sources) > 1:
        names = ", ".join(str(each["name"]) for each in sources)
        mend = f"in Notion, move all but the first to databases of their own, or put another id into {setting}"
        return only(f"it has {len(sources)} data sources ({names}), and the campaign reads only the first", mend)
    source = _if_there(notion.describe, str(sources[0]["id"]))
    if source is None:
        return only("its data source is not shared with the integration", _SHARE)
    properties = properties_of(source)
    problem = _stranger(setting, database, text(as_objects(described["title"])), properties)
    if problem:
        first = next(each for each in database.properties if each.type != "title")
        mend = f'put the right id into {setting}, or, if it is the right one, add "{first.name}" ({first.type}) by hand first'
        return only(problem, mend)
    return Found(database, str(source["id"]), tuple(compare(database, properties)))


def _what_else(environment: Environment, notion: Notion, database: Database, held: str) -> tuple[str, str]:
    """What is wrong with an id under which there is no database, and the mend."""
    setting = environment.name_in_file(database.setting)
    source = _if_there(notion.describe, held)
    if source is not None:
        line = environment.line(database.setting, as_text(as_object(source["parent"])["database_id"]))
        return f"{setting} holds the id of a data source", f"put the id of its database there: {line}"
    if _if_there(notion.page, held) is not None:
        return f"{setting} holds the id of a page", "put the id of the database there, which its own address ends with"
    problem = f"there is no database with the id in {setting}, or it is not shared with the integration"
    return problem, f"{_SHARE}; or put the right id into {setting}"


def _if_there(ask: Callable[[str], JsonObject], held: str) -> JsonObject | None:
    try:
        return ask(held)
    except NotionError as error:
        if error.status not in _NOT_THERE:
            raise
        return None


def properties_of(source: JsonObject) -> dict[str, JsonObject]:
    """Return the properties of a data source, as Notion gives them, by their names."""
    return {name: as_object(each) for name, each in as_object(source["properties"]).items()}


def _stranger(setting: str, database: Database, title: str, properties: Mapping[str, JsonObject]) -> str | None:
    """Why a database is hardly the one that was meant, so that nothing is added to somebody else's."""
    if title.strip().casefold() == database.title.casefold():
        return None
    own, best = _fits(database, properties), max(DATABASES, key=lambda each: _fits(each, properties))
    if _fits(best, properties) > own:
        return f'{setting} holds the id of "{title}", whose properties are those of {best.title}'
    # A database with nothing but a title was made by hand just now, to be filled.
    if not own and any(each["type"] != "title" for each in properties.values()):
        return f'{setting} holds the id of "{title}", which has no property of {database.title}'
    return None


def _fits(database: Database, properties: Mapping[str, JsonObject]) -> int:
    wanted = {each.name: each.type for each in database.properties if each.type != "title"}
    return sum(1 for name, each in properties.items() if wanted.get(name) == each["type"])


def compare(database: Database, properties: Mapping[str, JsonObject]) -> Iterator[Fault]:
    """Return what is wrong with a data source's properties, as Notion gives them, in the order of the schema."""
    for wanted in database.properties:
        there = properties.get(wanted.name)
        if wanted.type == "title":
            yield from _title(database, wanted, properties)
        elif there is None:
            yield _missing(database, wanted, properties)
        elif there["type"] != wanted.type:
            mend = f"in Notion, make it {wanted.type}, or give it another name and have christmas notion setup add a new one"
            yield Fault(database.title, wanted.name, f"it is {there['type']}, not {wanted.type}", mend)
        elif wanted.type == "select":
            yield from _options(database, wanted, as_objects(as_object(there["select"])["options"]))


def _title(database: Database, wanted: Property, properties: Mapping[str, JsonObject]) -> Iterator[Fault]:
    title = next(name for name, each in properties.items() if each["type"] == "title")
    if title == wanted.name:
        return
    mend = f'in Notion, rename "{title}" to "{wanted.name}"'
    if wanted.name in properties:
        mend = f'in Notion, rename "{wanted.name}" to something else, then "{title}" to "{wanted.name}"'
    yield Fault(database.title, wanted.name, f'the title is called "{title}" instead', mend)


def _missing(database: Database, wanted: Property, properties: Mapping[str, JsonObject]) -> Fault:
    others = (name for name, each in properties.items() if each["type"] != "title")
    alike = [name for name in others if _plain(name) == _plain(wanted.name)]
    if alike:
        problem = f'it is missing; there is "{alike[0]}", which differs only in spaces or capitals'
        return Fault(database.title, wanted.name, problem, f'in Notion, rename "{alike[0]}" to "{wanted.name}"')
    options = f": {', '.join(wanted.options)}" if wanted.options else ""
    step = f'add "{wanted.name}" ({wanted.type}{options})'
    mend = "christmas notion setup adds it"
    return Fault(database.title, wanted.name, f"it is missing ({wanted.type})", mend, step, configuration(wanted))


def _options(database: Database, wanted: Property, there: Iterable[JsonObject]) -> Iterator[Fault]:
    # Notion replaces the whole list, and takes no other colour for an option that exists: each goes back as it came.
    kept: list[JsonObject] = [{key: value for key, value in each.items() if value is not None} for each in there]
    names = {each["name"] for each in kept}
    new = [option for option in wanted.options if option not in names]
    if not new:
        return
    problem = f"it lacks the {'option' if len(new) == 1 else 'options'} {', '.join(new)}"
    if len(kept) + len(new) > MOST_OPTIONS:
        mend = f"add by hand in Notion, whose API takes no more than {MOST_OPTIONS} options"
        yield Fault(database.title, wanted.name, problem, mend)
        return
    step = f'add to "{wanted.name}": {", ".join(new)}'
    added: list[JsonObject] = [{"name": option} for option in new]
    change = configuration(wanted, [*kept, *added])
    yield Fault(database.title, wanted.name, problem, "christmas notion setup adds it", step, change)


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()
