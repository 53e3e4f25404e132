"""A search for values that must not be there: in files, in their names, in a database, in the arguments of processes."""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from database import h2

#: How often the arguments of all processes are read, in seconds: a Python process lives longer than this.
EVERY = 0.01

#: How large a piece of a long text may be in the dump: none is cut in two.
WHOLE = 1_000_000_000


def forms(value: str) -> set[bytes]:
    """A value as it may be written: itself, in a URL, in hex, and in base64, alone or within something longer."""
    plain = value.encode()
    forms_found = {plain, quote(value, safe="").encode(), plain.hex().encode()}
    for before in range(3):
        # Three bytes are four characters: what the neighbours have a part in is cut off, at both ends.
        inside = base64.b64encode(b"\0" * before + plain + b"\0" * 2)
        first = -(-before * 8 // 6)
        whole = inside[first : (before + len(plain)) * 8 // 6]
        forms_found |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    return forms_found


class Search:
    """Looks for secrets, each with a name that may be shown."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        short = [name for name, value in secrets.items() if len(value) < 12]
        assert not short, f"too short to look for, something else may look the same: {short}"
        self._named = {form: name for name, value in secrets.items() for form in forms(value)}

    def within(self, content: bytes) -> set[str]:
        """The names of the secrets that are in it."""
        # One after the other: eight times as fast, in the hundreds of megabytes of a database, as one expression for all.
        return {name for form, name in self._named.items() if form in content}

    def files(self, roots: Iterable[Path]) -> set[tuple[str, str]]:
        """The names of the secrets in files and in their names, each with the name of the file."""
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
    """Write all that the database of a stopped engine holds to a file, as SQL: in its own file a text may lie in pieces."""
    h2("Script", engine_data, "-script", str(to), "-options", "BLOCKSIZE", str(WHOLE), read_only=True)
    # What is no text is written in hex.
    with to.open("ab") as file:
        for hex_text in re.finditer(rb"X'([0-9a-f]+)'", to.read_bytes()):
            file.write(bytes.fromhex(hex_text[1].decode()) + b"\n")
    return to


class Arguments:
    """The arguments of all processes of this machine that run while it does."""

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
                # It may have ended by now.
                try:
                    arguments = Path(entry.path, "cmdline").read_bytes()
                except OSError:
                    continue
                if arguments:
                    self.seen.add(arguments)
