"""docs/website.md: its examples are run as they stand there, and its tables are held to the code."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from optional_programs import require_programs
from standardwebhooks import Webhook, WebhookVerificationError
from support import free_port

from christmas_campaign.door.handlers import HANDLERS
from christmas_campaign.door.routes import Routes
from christmas_campaign.sequences.registry import SEQUENCES, sequence
from deploy.conftest import PROJECT

PAGE = (PROJECT / "docs" / "website.md").read_text(encoding="utf-8")
SECRET = "whsec_dGhlIGtleSBvZiB0aGUgZXhhbXBsZSwgMzIgYnl0ZXM="
EVENT = {"email": "ana@example.com", "first_name": "Lệ Ngọc \U0001f338", "business_name": 'A "B" \\ </script>'}


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without their heads."""
    found: list[list[str]] = []
    lines = [line for line in text.splitlines() if line.startswith("|")]
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith("|---") and not after.startswith("|---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


class StandIn(ThreadingHTTPServer):
    """Checks each call by the library of Standard Webhooks, and answers as it is told (0: cuts the connection)."""

    daemon_threads = True

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[tuple[str, Any]] = []
        self.refused = 0
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhook/christmas-signup"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = Webhook(SECRET).verify(body, dict(self.headers.items()))
        except WebhookVerificationError:
            self.server.refused += 1
            self._answer(401)
            return
        self.server.taken.append((self.headers["webhook-id"], event))
        if self.server.status == 0:
            self.connection.close()
        else:
            self._answer(self.server.status)

    def do_GET(self) -> None:
        """Where a redirect that was followed ends up."""
        self._answer(200)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def door() -> Iterator[StandIn]:
    server = StandIn()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


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
        found = run("console.log(JSON.stringify(await post(...a)));", *args)
        return found["outcome"], found["status"]

    return lambda *args: run("console.log(JSON.stringify(sign(...a)));", *args), post


@pytest.fixture(params=["python", "javascript"])
def example(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Sign, Post]:
    return python_example() if request.param == "python" else javascript_example(tmp_path)


def test_the_signature_is_the_one_of_the_library(example: tuple[Sign, Post]) -> None:
    body = json.dumps(EVENT, ensure_ascii=False)
    now = int(time.time())
    headers = {name.lower(): value for name, value in example[0](SECRET, "msg_1", now, body).items()}
    assert Webhook(SECRET).verify(body, headers) == EVENT
    assert headers["webhook-signature"] == Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(now, UTC), body)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace("ana", "bob"), headers)


def test_the_example_to_try_is_right(example: tuple[Sign, Post]) -> None:
    text = section("Sign the call").partition("### Try yours")[2]
    secret, identity, at, body = re.findall(r"`([^`\n]+)`", text)[:4]
    (expected,) = re.findall(r"^(v1,\S+)$", text, re.MULTILINE)
    assert secret == SECRET
    made = {name.lower(): value for name, value in example[0](secret, identity, int(at), body).items()}
    assert made["webhook-signature"] == expected


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "taken"), (401, "refused"), (404, "refused"), (405, "refused"), (413, "refused"), (422, "refused"), (302, "refused"),
     (308, "refused"), (408, "later"), (429, "later"), (500, "later"), (502, "later"), (503, "later")],
)  # fmt: skip
def test_what_each_answer_means(example: tuple[Sign, Post], door: StandIn, status: int, outcome: str) -> None:
    door.status = status
    assert example[1](door.url, SECRET, "msg_1", EVENT) == (outcome, status)
    assert door.taken == [("msg_1", EVENT)]


def test_no_answer_is_later(example: tuple[Sign, Post], door: StandIn) -> None:
    door.status = 0
    assert example[1](door.url, SECRET, "msg_1", EVENT) == ("later", None)
    assert example[1](f"http://127.0.0.1:{free_port()}/", SECRET, "msg_1", EVENT) == ("later", None)


def test_a_wrong_secret_is_refused(example: tuple[Sign, Post], door: StandIn) -> None:
    other = "whsec_" + "YW5vdGhlciBrZXkgZm9yIHRoZSBzYW1lIHRoaW5nISE="
    assert example[1](door.url, other, "msg_1", EVENT) == ("refused", 401)
    assert (door.taken, door.refused) == ([], 1)


def test_the_answers_of_the_page_are_those_that_the_examples_know() -> None:
    said = {status: row[2] for row in rows(section("What the answers mean")) for status in re.findall(r"\d{3}", row[0])}
    later = {"408", "429", "503"}
    assert {status for status, what in said.items() if what.startswith("later")} == later
    assert {status for status, what in said.items() if what.startswith("refused")} == {
        "401",
        "404",
        "405",
        "413",
        "422",
    }


def test_the_fields_are_those_that_are_read() -> None:
    found = {row[0]: row for row in rows(section("What to post where")) if len(row) == 3 and row[0] != row[1]}
    for each in SEQUENCES:
        fields = each.fields
        required, optional = (set(re.findall(r"`(\w+)`", cell)) for cell in found[each.name][1:])
        assert required == {field.name for field in fields if field.required}, each.name
        assert optional == {field.name for field in fields if not field.required}, each.name


def test_every_path_that_changes_is_one_of_the_door_or_stays_on_the_old_server() -> None:
    found = {path: row[1] for row in rows(section("What changes for a website that calls the old system"))
             for path in re.findall(r"`(?:POST )?(/webhook/[a-z-]+)`", row[0])}  # fmt: skip
    elsewhere = {path for path, what in found.items() if "404" in what}
    assert elsewhere == {"/webhook/signup", "/webhook/assessment"}
    paths = Routes({each.name: "key" for each in HANDLERS})
    assert {path for path in found if paths.match(path.encode()) is None} == elsewhere
    assert set(found) - elsewhere == {each.old_path or each.path for each in HANDLERS} - {None, "/webhook/resend"}


def test_the_requirement_that_guides_do_not_meet_is_one() -> None:
    assert "assessment_score" in {field.name for field in sequence("signup").fields if field.required}


def test_all_are_told_with_their_delays() -> None:
    told: dict[str, str] = {}
    for first, _, after in rows(section("Who sends each e-mail")):
        name, numbers = first.split("(")[0].split(" ", 1)
        for number in re.findall(r"E(\d)", numbers):
            told[f"{name} E{number}"] = after
    ours = {f"{each.name} E{email.number}" for each in SEQUENCES for email in each.emails}
    assert {what for what, who in told.items() if who == "this system"} == ours
    assert set(told) - ours == {"signup E1"}
    assert set(re.findall(r"(\d+) e-mails", PAGE)) == {str(len(told))}, "the number of e-mails is the table's"
    for each in SEQUENCES:
        delays = [abs(email.delay.total_seconds()) for email in each.emails]
        hours = [delay / 3600 for delay in delays if delay >= 3600]
        (line,) = [
            row[0] for row in rows(section("Who sends each e-mail")) if row[0].startswith(each.name) and "E3" in row[0]
        ]
        assert [float(number) for number in re.findall(r"\b(\d+)\b(?! minutes)", line.partition("(")[2])] == hours
