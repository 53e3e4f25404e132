"""docs/website.md: its examples run as they are, and its tables match the code."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from optional_programs import require_programs
from standardwebhooks import Webhook, WebhookVerificationError
from support import free_port

from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.door.routes import Routes
from christmas_campaign.sequences.registry import SEQUENCES
from deploy.conftest import PROJECT
from deploy.http_server import Call, DoorStandIn, serving

PAGE = (PROJECT / "docs" / "website.md").read_text(encoding="utf-8")
SECRET = "whsec_dGhlIGtleSBvZiB0aGUgZXhhbXBsZSwgMzIgYnl0ZXM="
EVENT = {"email": "ana@example.com", "first_name": "Lệ Ngọc \U0001f338", "business_name": 'A "B" \\ </script>'}


def block(language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(code)


def section(title: str) -> str:
    (text,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row of the tables in a text, without the heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
        if not line.startswith("|---") and not after.startswith("|---")
    ]


class SignedDoor(DoorStandIn):
    """Verifies each call with the library of Standard Webhooks, and answers 401 to a wrong signature."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: list[tuple[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhook/christmas-signup"

    def status_for(self, call: Call) -> int:
        if call.method == "GET":
            # The target of a redirect that was followed.
            return 200
        try:
            event = Webhook(SECRET).verify(call.body, call.headers)
        except WebhookVerificationError:
            return 401
        self.accepted.append((call.headers["webhook-id"], event))
        return super().status_for(call)


@pytest.fixture
def door() -> Iterator[SignedDoor]:
    server = SignedDoor()
    with serving(server):
        yield server


Sign = Callable[[str, str, int, str], dict[str, str]]
Post = Callable[[str, str, str, dict[str, Any]], tuple[str, int | None]]


def python_example() -> tuple[Sign, Post]:
    names: dict[str, Any] = {}
    exec(compile(block("python"), "website.md", "exec"), names)  # noqa: S102
    return lambda secret, id_, at, body: names["sign"](secret, id_, at, body.encode()), names["post"]


def javascript_example(folder: Path) -> tuple[Sign, Post]:
    (node,) = require_programs("node")
    (folder / "example.mjs").write_text(block("js"), encoding="utf-8")

    def run(words: str, *args: Any) -> Any:
        script = f"import {{ sign, post }} from './example.mjs'; const a = JSON.parse(process.argv[1]);\n{words}"
        done = subprocess.run(
            [node, "--input-type=module", "--eval", script, json.dumps(args)],
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def post(*args: Any) -> tuple[str, int | None]:
        result = run("console.log(JSON.stringify(await post(...a)));", *args)
        return result["outcome"], result["status"]

    return lambda *args: run("console.log(JSON.stringify(sign(...a)));", *args), post


@pytest.fixture(params=["python", "javascript"])
def example(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Sign, Post]:
    return python_example() if request.param == "python" else javascript_example(tmp_path)


def test_worked_example_of_the_page_is_right(example: tuple[Sign, Post]) -> None:
    text = section("Sign the call").partition("### Try yours")[2]
    secret, identity, at, body = re.findall(r"`([^`\n]+)`", text)[:4]
    (expected,) = re.findall(r"^(v1,\S+)$", text, re.MULTILINE)
    assert secret == SECRET
    headers = {name.lower(): value for name, value in example[0](secret, identity, int(at), body).items()}
    assert headers["webhook-signature"] == expected


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "taken"), (302, "refused"), (408, "later"), (422, "refused"), (429, "later"), (500, "later")],
)
def test_status_decides_the_outcome(example: tuple[Sign, Post], door: SignedDoor, status: int, outcome: str) -> None:
    door.status = status
    assert example[1](door.url, SECRET, "msg_1", EVENT) == (outcome, status)
    assert door.accepted == [("msg_1", EVENT)]


def test_call_without_an_answer_is_repeated_later(example: tuple[Sign, Post], door: SignedDoor) -> None:
    door.status = 0
    assert example[1](door.url, SECRET, "msg_1", EVENT) == ("later", None)
    assert example[1](f"http://127.0.0.1:{free_port()}/", SECRET, "msg_1", EVENT) == ("later", None)


def test_wrong_secret_is_refused(example: tuple[Sign, Post], door: SignedDoor) -> None:
    other = "whsec_" + "YW5vdGhlciBrZXkgZm9yIHRoZSBzYW1lIHRoaW5nISE="
    assert example[1](door.url, other, "msg_1", EVENT) == ("refused", 401)
    assert door.accepted == []


def test_page_explains_each_status_as_the_examples_do() -> None:
    table = rows(section("What the answers mean"))
    meanings = {status: row[2] for row in table for status in re.findall(r"\d{3}", row[0])}
    later = {status for status, meaning in meanings.items() if meaning.startswith("later")}
    refused = {status for status, meaning in meanings.items() if meaning.startswith("refused")}
    assert (later, refused) == ({"408", "429", "503"}, {"401", "404", "405", "413", "422"})


def test_fields_of_the_page_are_those_of_the_sequences() -> None:
    table = {row[0]: row for row in rows(section("What to post where")) if len(row) == 3 and row[0] != row[1]}
    for sequence in SEQUENCES:
        required, optional = (set(re.findall(r"`(\w+)`", cell)) for cell in table[sequence.name][1:])
        assert required == {field.name for field in sequence.fields if field.required}, sequence.name
        assert optional == {field.name for field in sequence.fields if not field.required}, sequence.name


def test_changed_paths_are_those_of_the_door_or_stay_on_the_old_server() -> None:
    table = rows(section("What changes for a website that calls the old system"))
    paths = {path: row[1] for row in table for path in re.findall(r"`(?:POST )?(/webhook/[a-z-]+)`", row[0])}
    elsewhere = {path for path, change in paths.items() if "404" in change}
    assert elsewhere == {"/webhook/signup", "/webhook/assessment"}
    routes = Routes({handler.name: "key" for handler in HANDLERS})
    assert {path for path in paths if routes.match(path.encode()) is None} == elsewhere
    assert set(paths) - elsewhere == {handler.old_path or handler.path for handler in HANDLERS} - {
        None,
        "/webhook/resend",
    }


def test_page_lists_every_email_with_its_delay() -> None:
    table = rows(section("Who sends each e-mail"))
    senders: dict[str, str] = {}
    for first, _, after in table:
        name, numbers = first.split("(")[0].split(" ", 1)
        senders |= {f"{name} E{number}": after for number in re.findall(r"E(\d)", numbers)}
    own = {f"{sequence.name} E{email.number}" for sequence in SEQUENCES for email in sequence.emails}
    assert {email for email, sender in senders.items() if sender == "this system"} == own
    assert set(senders) - own == {"signup E1"}
    assert set(re.findall(r"(\d+) e-mails", PAGE)) == {str(len(senders))}, "the number of e-mails is the table's"
    for sequence in SEQUENCES:
        delays = [abs(email.delay.total_seconds()) for email in sequence.emails]
        (line,) = [row[0] for row in table if row[0].startswith(sequence.name) and "E3" in row[0]]
        hours = [float(number) for number in re.findall(r"\b(\d+)\b(?! minutes)", line.partition("(")[2])]
        assert hours == [delay / 3600 for delay in delays if delay >= 3600]
