"""Searches files, their names, a database and the arguments of processes for secret values."""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from database import h2

#: Seconds between two reads of the arguments of all processes; a Python process lives longer.
EVERY = 0.01

#: The block size of the dump, so large that no text is split.
WHOLE = 1_000_000_000


def forms(value: str) -> set[bytes]:
    """Return the forms of a value: plain, in a URL, in hex, and in base64 alone or within a longer text."""
    plain = value.encode()
    forms_found = {plain, quote(value, safe="").encode(), plain.hex().encode()}
    for before in range(3):
        # Three bytes make four characters. Characters that depend on neighbouring bytes are cut off at both ends.
        inside = base64.b64encode(b"\0" * before + plain + b"\0" * 2)
        first = -(-before * 8 // 6)
        whole = inside[first : (before + len(plain)) * 8 // 6]
        forms_found |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    return forms_found


class Search:
    """Searches for secrets, each with a name that may be printed."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        short = [name for name, value in secrets.items() if len(value) < 12]
        assert not short, f"too short to look for, something else may look the same: {short}"
        self._named = {form: name for name, value in secrets.items() for form in forms(value)}

    def within(self, content: bytes) -> set[str]:
        """Return the names of the secrets in ``content``."""
        # One search for each form: in a database of hundreds of megabytes this is eight times as fast as one regex.
        return {name for form, name in self._named.items() if form in content}

    def files(self, roots: Iterable[Path]) -> set[tuple[str, str]]:
        """Return the names of the secrets in files and in file names, each with the name of the file."""
        return {
            (name, str(file))
            for root in roots
            for file in _files(root)
            for name in self.within(str(file).encode() + b"\n" + file.read_bytes())
        }


def _files(root: Path) -> Iterator[Path]:
    assert root.exists(), f"there is no {root}, so nothing was searched"
    yield from ([root] if root.is_file() else (path for path in root.rglob("*") if path.is_file()))


def dump(engine_data: Path, to: Path) -> Path:
    """Write the whole database of a stopped engine to a file as SQL: its own file may split a text."""
    h2("Script", engine_data, "-script", str(to), "-options", "BLOCKSIZE", str(WHOLE), read_only=True)
    # Binary values are in hex.
    with to.open("ab") as file:
        for hex_text in re.finditer(rb"X'([0-9a-f]+)'", to.read_bytes()):
            file.write(bytes.fromhex(hex_text[1].decode()) + b"\n")
    return to


class Arguments:
    """The arguments of all processes on this machine while the context is open."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Arguments:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(EVERY):
            for entry in os.scandir("/proc"):
                if not entry.name.isdigit():
                    continue
                # The process may have ended.
                try:
                    arguments = Path(entry.path, "cmdline").read_bytes()
                except OSError:
                    continue
                if arguments:
                    self.seen.add(arguments)
