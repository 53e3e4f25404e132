"""The search finds secrets in every form."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from urllib.parse import quote

import pytest

from e2e.leaks import Search

SECRET = "s3cret/with+an-end_of~its=own"
SEARCH = Search({"it": SECRET})


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_secret_is_found_in_base64_of_a_longer_text(encode: Callable[[bytes], bytes]) -> None:
    for before, after in product(("", "x", "xy", "Bearer "), ("", "x", "xy")):
        assert SEARCH.within(b"<" + encode(f"{before}{SECRET}{after}".encode()) + b">") == {"it"}


def test_secret_is_found_in_a_file_a_url_and_a_file_name(tmp_path: Path) -> None:
    (tmp_path / "within").mkdir()
    for number, text in enumerate((json.dumps({"a": SECRET}), quote(SECRET, safe=""), SECRET.encode().hex())):
        (tmp_path / "within" / str(number)).write_bytes(b"\xff" + text.encode())
    (tmp_path / "another-secret").touch()
    secrets_in_files = SEARCH.files([tmp_path])
    assert secrets_in_files == {("it", str(tmp_path / "within" / str(number))) for number in range(3)}
    assert Search({"name": "another-secret"}).files([tmp_path]) == {("name", str(tmp_path / "another-secret"))}


def test_absent_secret_is_not_found() -> None:
    assert (
        SEARCH.within(b"nothing " + SECRET[:-1].encode() + base64.b64encode(b"another secret of that length")) == set()
    )
