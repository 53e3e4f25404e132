"""The steps: what a Kestra task runs. Each reads its context, calls one decision, and hands the outcome back.

``python -m christmas_campaign.steps <step>`` reads ``context.json`` in the working directory, where the flow has put the data
whole, and prints its outputs as one line in the form that Kestra takes from a task's standard output. The official
``kestra`` package prints the same line; it is not used because importing it takes ten times as long as a whole step.
What is large goes into a file instead (``FILES``): Kestra writes the outputs anew with each task that follows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from christmas_campaign.campaign.settings import InvalidSetting
from christmas_campaign.steps.outputs import labelled, ready_made, with_alert

#: A step: the context and the present time (aware, UTC) in, the outputs out.
Step = Callable[[Mapping[str, Any], datetime], Mapping[str, object]]

CONTEXT = Path("context.json")

#: The output that is not printed: texts by the name of the file that each goes into, in the working directory.
FILES = "files"

#: The output that is a line in the execution's log, for a person. It names no contact.
LOG = "log"


__all__ = (
    "CONTEXT",
    "FILES",
    "LOG",
    "Step",
    "UnusableContext",
    "accepted",
    "data_source",
    "labelled",
    "parsed",
    "ready_made",
    "results",
    "run",
    "with_alert",
    "with_answers",
)


class UnusableContext(Exception):
    """What a flow handed to a step cannot be used; the message says what is wrong and has no customer's data in it."""


def run(step: Step) -> int:
    """Run a step as a task: context from ``context.json``, outputs to standard output and ``FILES``. Returns the exit code."""
    try:
        context = json.loads(CONTEXT.read_text(encoding="utf-8"))
        outputs: dict[str, Any] = dict(step(context, datetime.now(UTC)))
        for name, text in outputs.pop(FILES, {}).items():
            Path(name).write_text(text, encoding="utf-8")
        line = outputs.pop(LOG, "")
    except (InvalidSetting, UnusableContext) as error:
        print(error, file=sys.stderr)
        return 1
    except Exception as error:
        # The message of an unforeseen error may quote a customer's data, and a task's output is logged: only where it came
        # from is said.
        print(f"{type(error).__name__} {_origin(error)}", file=sys.stderr)
        return 1
    if line:
        print(line)
    print(f"::{json.dumps({'outputs': outputs})}::")
    return 0


def with_answers(context: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return the context with the responses of these names, ``None`` where there is none.

    An HTTP task that was skipped, or got no answer, has outputs without a ``code``, or none.
    """
    answers = {name: context.get(name) for name in names}
    return {**context, **{name: answer if answer and "code" in answer else None for name, answer in answers.items()}}


def parsed(text: str | None) -> Any:
    """Return the JSON value of a body that an HTTP task gave as text; ``None`` for none.

    Raises ``UnusableContext`` when it is not JSON.
    """
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise UnusableContext("an HTTP task got an answer that is not JSON: is its address right?") from None


def results(response: Mapping[str, Any], what: str) -> list[Any]:
    """Return the pages of a Notion query's response (``code`` and ``body``).

    Raises ``UnusableContext``, naming ``what`` was asked for, when Notion refused.
    """
    return list(accepted(response, what).get("results") or [])


def data_source(response: Mapping[str, Any], what: str) -> str:
    """Return the id of the data source in the response to a look-up of a database (``code`` and ``body``).

    Raises ``UnusableContext`` when Notion refused, or the database has no data source.
    """
    sources = accepted(response, what).get("data_sources") or []
    if not sources:
        raise UnusableContext(f"{what}: the Notion database has no data source; is its id right?")
    return str(sources[0]["id"])


def accepted(response: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """Return the JSON object of a response (``code`` and ``body``) with status 200.

    Raises ``UnusableContext``, naming ``what`` was asked for and Notion's error code, when the status is another.
    """
    body = parsed(response.get("body"))
    if response.get("code") != 200:
        code = body.get("code") if isinstance(body, dict) else None
        said = f" ({code})" if isinstance(code, str) and code.isidentifier() else ""
        raise UnusableContext(f"{what}: Notion answered HTTP {response.get('code')}{said}")
    if not isinstance(body, dict):
        raise UnusableContext(f"{what}: Notion's answer is not a JSON object")
    return body


def _origin(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "from nowhere"
    return f"in {Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno}"
