"""A real browser, Chromium without a window, driven as the WebDriver standard says."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from optional_programs import require_programs
from support import free_port, until

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window."""

    def __init__(self, session: str) -> None:
        """Take the session's address."""
        self._session = session

    def _ask(self, method: str, path: str, **said: Any) -> Any:
        response = httpx.request(method, f"{self._session}{path}", timeout=60, json=said if method == "POST" else None)
        assert response.status_code == 200, response.text
        return response.json()["value"]

    def open(self, url: str) -> None:
        """Go to an address."""
        self._ask("POST", "/url", url=url)

    @property
    def url(self) -> str:
        return str(self._ask("GET", "/url"))

    @property
    def title(self) -> str:
        return str(self._ask("GET", "/title"))

    def _find(self, selector: str) -> list[str]:
        found = self._ask("POST", "/elements", using="css selector", value=selector)
        return [str(each[_ELEMENT]) for each in found]

    def texts(self, selector: str) -> list[str]:
        """What people read in each of these elements."""
        return [str(self._ask("GET", f"/element/{each}/text")) for each in self._find(selector)]

    def says(self, selector: str, what: str) -> str | None:
        """What the program knows of the only such element: its `computedrole` or `computedlabel`."""
        (element,) = self._find(selector)
        return str(self._ask("GET", f"/element/{element}/{what}"))

    def style(self, selector: str, name: str) -> str:
        (element,) = self._find(selector)
        return str(self._ask("GET", f"/element/{element}/css/{name}"))

    def press(self, selector: str) -> None:
        """Click the only such element."""
        (element,) = self._find(selector)
        self._ask("POST", f"/element/{element}/click")

    def wait_for(self, heading: str) -> None:
        """Wait until the page has this heading."""
        until(lambda: self.title == heading, f"the page {heading!r}", 30)
        assert self.texts("h1") == [heading]


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with nothing in its memory; JavaScript is off, as with those who read mail carefully."""
    driver, chromium = require_programs("chromedriver", "chromium")
    port = free_port()
    with (folder / "chromedriver.log").open("wb") as log:
        process = subprocess.Popen([driver, f"--port={port}"], stdout=log, stderr=log)
    try:
        until(lambda: _ready(port), "the browser's driver", 30)
        switches = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--blink-settings=scriptEnabled=false"]
        switches.append(f"--user-data-dir={folder / 'profile'}")
        options = {"binary": chromium, "args": switches}
        asked = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        answer = httpx.post(f"http://127.0.0.1:{port}/session", json=asked, timeout=60)
        assert answer.status_code == 200, answer.text
        session = f"http://127.0.0.1:{port}/session/{answer.json()['value']['sessionId']}"
        try:
            yield Browser(session)
        finally:
            httpx.delete(session, timeout=30)
    finally:
        process.terminate()
        process.wait(30)


def _ready(port: int) -> bool:
    try:
        return bool(httpx.get(f"http://127.0.0.1:{port}/status", timeout=5).json()["value"]["ready"])
    except httpx.HTTPError:
        return False
