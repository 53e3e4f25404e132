"""The stack of ``christmas up``: its folder, the lock that it holds while it runs, and its settings for other commands."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from christmas_campaign import folders
from christmas_campaign.local.child_process import ChildError

#: The default folder of the stack. Other commands look for a running stack only here.
FOLDER = folders.CHECKOUT / ".data" / "up"


def environment_file(data: Path) -> Path:
    """Return the file with the settings of a stack, as lines ``export NAME=value``. It exists while the stack runs."""
    return data / "environment"


def lock_file(data: Path) -> Path:
    """Return the file whose lock a command holds while its stack runs in the folder ``data``."""
    return data.with_suffix(".lock")


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Lock the folder ``data`` of a stack. A second command that wants the same folder ends with ``ChildError``."""
    data.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(data).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ChildError(
                f"{data} is in use: is the command running in another window? Stop it there, or choose another --data"
            ) from None
        yield


def find_environment_file(data: Path) -> Path | None:
    """Return the file with the settings of the stack that runs in the folder ``data``, or ``None`` if no stack runs there.

    After a kill -9 the file is still there, but not the lock.
    """
    try:
        with lock_file(data).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        file = environment_file(data)
        return file if file.is_file() else None
    except OSError:
        return None
    return None
