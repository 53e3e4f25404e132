"""A real browser, Chromium without a window, driven by the WebDriver protocol."""

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
    """One browser window."""

    def __init__(self, session: str) -> None:
        """Take the URL of the WebDriver session."""
        self._session = session

    def _send(self, method: str, path: str, **body: Any) -> Any:
        response = httpx.request(method, f"{self._session}{path}", timeout=60, json=body if method == "POST" else None)
        assert response.status_code == 200, response.text
        return response.json()["value"]

    def open(self, url: str) -> None:
        """Open a URL."""
        self._send("POST", "/url", url=url)

    @property
    def url(self) -> str:
        return str(self._send("GET", "/url"))

    @property
    def title(self) -> str:
        return str(self._send("GET", "/title"))

    def _find(self, selector: str) -> list[str]:
        elements = self._send("POST", "/elements", using="css selector", value=selector)
        return [str(element[_ELEMENT]) for element in elements]

    def texts(self, selector: str) -> list[str]:
        """Return the visible text of each matching element."""
        return [str(self._send("GET", f"/element/{element}/text")) for element in self._find(selector)]

    def says(self, selector: str, what: str) -> str | None:
        """Return how assistive technology sees the only matching element: ``what`` is `computedrole` or `computedlabel`."""
        (element,) = self._find(selector)
        return str(self._send("GET", f"/element/{element}/{what}"))

    def style(self, selector: str, name: str) -> str:
        """Return a computed CSS property of the only matching element."""
        (element,) = self._find(selector)
        return str(self._send("GET", f"/element/{element}/css/{name}"))

    def attribute(self, selector: str, name: str) -> str:
        """Return an attribute of the only matching element as the page has it."""
        (element,) = self._find(selector)
        return str(self._send("GET", f"/element/{element}/attribute/{name}"))

    def press(self, selector: str) -> None:
        """Click the only matching element."""
        (element,) = self._find(selector)
        self._send("POST", f"/element/{element}/click")

    def wait_for(self, heading: str) -> None:
        """Wait until the page has this title, and check that its only heading is the same."""
        until(lambda: self.title == heading, f"the page {heading!r}", 30)
        assert self.texts("h1") == [heading]


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Yield a browser with an empty profile and without JavaScript, which many readers of e-mail switch off."""
    driver, chromium = require_programs("chromedriver", "chromium")
    port = free_port()
    with (folder / "chromedriver.log").open("wb") as log:
        process = subprocess.Popen([driver, f"--port={port}"], stdout=log, stderr=log)
    try:
        until(lambda: _ready(port), "the browser's driver", 30)
        switches = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--blink-settings=scriptEnabled=false"]
        switches.append(f"--user-data-dir={folder / 'profile'}")
        options = {"binary": chromium, "args": switches}
        capabilities = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}}
        answer = httpx.post(f"http://127.0.0.1:{port}/session", json=capabilities, timeout=60)
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
