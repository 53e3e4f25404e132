"""The ports of a stack, which stay the same between two starts: links in old e-mails and addresses in a shell still work."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from christmas_campaign.local.child_process import ChildError


class Ports(NamedTuple):
    """Ports on 127.0.0.1; 0 means that none is chosen."""

    engine: int = 0
    sandbox: int = 0
    door: int = 0


def reserve(file: Path, chosen: Ports, say: Callable[[str], None]) -> Ports:
    """Return the ports for a start, and store them in ``file`` for the next one.

    A chosen port is used as it is. Otherwise it is the port of the last start; if another program has taken that one, it is
    any free port, and ``say`` gets a line about it. Raises ``ChildError`` if a chosen port is taken.
    """
    ports = []
    with ExitStack() as listeners:

        def take(port: int) -> int:
            listener = listeners.enter_context(closing(socket.socket()))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            # A port that is only bound could be taken a second time.
            listener.listen()
            return int(listener.getsockname()[1])

        for name, wanted, kept in zip(Ports._fields, chosen, _read(file), strict=True):
            try:
                ports.append(take(wanted or kept))
            except OSError as error:
                if wanted:
                    raise ChildError(
                        f"port {wanted} cannot be used ({error.strerror}): choose another --{name}-port"
                    ) from None
                ports.append(take(0))
                say(f"Port {kept} is taken by another program: the {name} has port {ports[-1]} from now on.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(Ports(*ports)._asdict()), encoding="utf-8")
    return Ports(*ports)


def _read(file: Path) -> Ports:
    """Return the ports of the last start. Without a readable file none is chosen."""
    try:
        return Ports(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Ports()
