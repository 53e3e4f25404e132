"""The ports of ``christmas up``: the same at each start, unless another program has taken one."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from support import free_port

from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.ports import Ports, reserve


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "up" / "ports.json"


def no_line(line: str) -> None:
    raise AssertionError(f"nothing was changed, but it says: {line}")


def test_ports_of_the_last_start_are_used_again(file: Path) -> None:
    first = reserve(file, Ports(), no_line)
    assert len({port for port in first if port}) == 3
    assert reserve(file, Ports(), no_line) == first


def test_taken_port_is_replaced_for_good_and_named(file: Path) -> None:
    first = reserve(file, Ports(), no_line)
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", first.sandbox)):
        second = reserve(file, Ports(), lines.append)
    assert (second.engine, second.door) == (first.engine, first.door)
    assert second.sandbox not in first
    assert lines == [
        f"Port {first.sandbox} is taken by another program: the sandbox has port {second.sandbox} from now on."
    ]
    assert reserve(file, Ports(), no_line) == second


def test_chosen_port_is_used_and_kept(file: Path) -> None:
    reserve(file, Ports(), no_line)
    port = free_port()
    assert reserve(file, Ports(door=port), no_line).door == port
    assert reserve(file, Ports(), no_line).door == port


def test_chosen_port_that_is_taken_is_an_error(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        with pytest.raises(ChildError, match=rf"port {port} cannot be used \(.*\): choose another --engine-port"):
            reserve(file, Ports(engine=port), no_line)
    with pytest.raises(ChildError, match="choose another --door-port"):
        reserve(file, Ports(sandbox=port, door=port), no_line)


@pytest.mark.parametrize("text", ["", "[]", json.dumps({"engine": 1})])
def test_unreadable_file_is_replaced(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    ports = reserve(file, Ports(), lambda _: None)
    assert reserve(file, Ports(), no_line) == ports
