"""`christmas flows deploy`: what is new and what changed is brought to Kestra, nothing is deleted, and a refusal is not quiet.

A small server stands in for Kestra, for a real one cannot be made to be late or to lose a flow.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from christmas_campaign.cli.main import main
from deploy.conftest import PROJECT

FLOWS = PROJECT / "flows"
RIGHT = "Secret123"


class StandIn(ThreadingHTTPServer):
    """Kestra's import and list of flows; a source that says `tasks: broken` is refused, as a whole file."""

    daemon_threads = True

    def __init__(self) -> None:
        self.sources: dict[str, list[str]] = {}
        self.calls: list[str] = []
        self.late = 0
        self.loses: set[str] = set()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        self.server.calls.append(f"GET {self.path}")
        if self.server.late:
            self.server.late -= 1
            self._answer(503, {"message": "starting"})
        elif self.headers.get("Authorization") != "Basic b3duZXJAZXhhbXBsZS5jb206U2VjcmV0MTIz":
            self._answer(401, {})
        else:
            found = [
                {"id": name, "namespace": "christmas", "revision": len(revisions)}
                for name, revisions in self.server.sources.items()
                if name not in self.server.loses
            ]
            self._answer(200, found)

    def do_POST(self) -> None:
        self.server.calls.append(f"POST {self.path}")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # A flow to be validated comes alone, one to be imported in a form.
        whole = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode() + body
        (part,) = [each for each in BytesParser(policy=policy.HTTP).parsebytes(whole).walk() if not each.is_multipart()]
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        source = content.decode()
        name = re.search(r"^id: (\S+)", source, re.MULTILINE)
        assert name is not None
        broken = "tasks: broken" in source
        if self.path.endswith("/flows/validate"):
            self._answer(200, [{"constraints": "tasks: must not be empty" if broken else None}])
            return
        if broken:
            words = "Illegal argument: Following invalid flows were not imported: a.yml(flow number: 0)"
            self._answer(422, {"message": words})
            return
        revisions = self.server.sources.setdefault(name[1], [])
        if not revisions or revisions[-1] != source:
            revisions.append(source)
        self._answer(200, [])

    def do_DELETE(self) -> None:
        self.server.calls.append(f"DELETE {self.path}")
        self._answer(204, None)

    def _answer(self, status: int, value: object) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def kestra() -> Iterator[StandIn]:
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    assert not any(call.startswith("DELETE") for call in server.calls)


def deploy(kestra: StandIn, folder: Path, *words: str, password: str = RIGHT) -> Result:
    env = {
        "KESTRA_URL": f"http://127.0.0.1:{kestra.server_port}",
        "KESTRA_USERNAME": "owner@example.com",
        "KESTRA_PASSWORD": password,
        "CHRISTMAS_ENV_FILE": None,
    }
    result = CliRunner(env=env).invoke(main, ["flows", "deploy", str(folder), *words])
    assert password not in result.output
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yml").write_text(f"id: {name}\nnamespace: christmas\n")
    return tmp_path


def test_our_flows_are_all_there_and_twice_is_as_good_as_once(kestra: StandIn) -> None:
    result = deploy(kestra, FLOWS)
    assert result.exit_code == 0, result.output
    ids = {re.search(r"^id: (\S+)", file.read_text(), re.MULTILINE)[1] for file in FLOWS.glob("*.yml")}  # type: ignore[index]
    assert set(kestra.sources) == ids
    assert set(result.output.splitlines()) == {f"new: {name}" for name in ids}
    assert deploy(kestra, FLOWS).output == f"{len(ids)} flows are unchanged.\n"
    assert {len(revisions) for revisions in kestra.sources.values()} == {1}


def test_what_changed_is_a_new_revision_and_what_is_gone_stays(kestra: StandIn, folder: Path) -> None:
    deploy(kestra, folder)
    (folder / "a.yml").write_text("id: a\nnamespace: christmas\ndescription: new\n")
    (folder / "b.yml").unlink()
    (folder / "c.yml").write_text("id: c\nnamespace: christmas\n")
    assert deploy(kestra, folder).output.splitlines() == [
        "new: c",
        "new revision: a; waiting executions keep the old one",
        f"not in {folder}, and not deleted: b",
    ]
    assert set(kestra.sources) == {"a", "b", "c"}


def test_one_that_kestra_refuses_is_named_and_the_others_are_there(kestra: StandIn, folder: Path) -> None:
    (folder / "a.yml").write_text("id: a\nnamespace: christmas\ntasks: broken\n")
    result = deploy(kestra, folder)
    assert result.exit_code == 2
    assert f"{folder / 'a.yml'}:3: tasks: must not be empty" in result.output
    assert set(kestra.sources) == {"b"}


def test_one_that_is_not_there_afterwards_is_an_error(kestra: StandIn, folder: Path) -> None:
    kestra.loses = {"b"}
    result = deploy(kestra, folder)
    assert result.exit_code == 2
    assert "has no flow b in the namespace christmas" in result.output


def test_a_kestra_that_starts_is_waited_for(kestra: StandIn, folder: Path) -> None:
    kestra.late = 1
    assert deploy(kestra, folder).exit_code == 0
    kestra.late = 5
    result = deploy(kestra, folder, "--wait", "0")
    assert result.exit_code == 2
    assert "starting" in result.output


def test_a_wrong_password_is_not_waited_for(kestra: StandIn, folder: Path) -> None:
    result = deploy(kestra, folder, password="Wrong12345")
    assert result.exit_code == 2
    assert "refused the user or the password" in result.output
    assert len(kestra.calls) == 1


def test_a_folder_without_flows_is_an_error(kestra: StandIn, tmp_path: Path) -> None:
    assert "there is no flow" in deploy(kestra, tmp_path).output
