"""The steps: the Python programs that Kestra tasks run. A step reads its context, makes one decision and returns outputs.

``python -m christmas_campaign.steps <step>`` reads ``context.json``, which the flow has written into the working directory. It
prints its outputs as one line, in the form that Kestra reads from a task's standard output. The official ``kestra`` package
prints the same line, but importing it takes ten times as long as a whole step. Large outputs go into a file (``FILES``),
because Kestra writes all outputs again with each later task.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from christmas_campaign.campaign.settings import InvalidSetting
from christmas_campaign.steps.outputs import json_text, with_alert, with_labels

#: A step: takes the context and the present time (aware, UTC), and returns the outputs.
Step = Callable[[Mapping[str, Any], datetime], Mapping[str, object]]

CONTEXT = Path("context.json")

#: The output that is not printed: texts by file name. Each is written into a file in the working directory.
FILES = "files"

#: The output that becomes a line in the execution's log, for a person. It names no contact.
LOG = "log"


__all__ = (
    "CONTEXT",
    "FILES",
    "LOG",
    "Step",
    "UnusableContext",
    "data_source",
    "json_text",
    "parse_json",
    "response_object",
    "result_pages",
    "run",
    "with_alert",
    "with_labels",
    "with_responses",
)


class UnusableContext(Exception):
    """A step cannot use its context. The message says what is wrong and contains no data of a customer."""


def run(step: Step) -> int:
    """Run a step as a task, from ``context.json`` to standard output and ``FILES``. Return the exit code."""
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
        # The message of an unexpected error may contain a customer's data, and Kestra logs a task's output. So only the
        # error's type and origin are printed.
        print(f"{type(error).__name__} {_origin(error)}", file=sys.stderr)
        return 1
    if line:
        print(line)
    print(f"::{json.dumps({'outputs': outputs})}::")
    return 0


def with_responses(context: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return the context with the responses of these names; a missing response is ``None``.

    An HTTP task that was skipped or got no response has outputs without ``code``, or no outputs.
    """
    responses = {name: context.get(name) for name in names}
    return {
        **context,
        **{name: response if response and "code" in response else None for name, response in responses.items()},
    }


def parse_json(text: str | None) -> Any:
    """Return the JSON value of the body of an HTTP task's response; ``None`` without a body.

    Raises ``UnusableContext`` if the body is not JSON.
    """
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise UnusableContext("an HTTP task received a response that is not JSON: is its address right?") from None


def result_pages(response: Mapping[str, Any], what: str) -> list[Any]:
    """Return the pages in the response to a Notion query (``code`` and ``body``).

    Raises ``UnusableContext`` if Notion refused the query; ``what`` names the query in the message.
    """
    return list(response_object(response, what).get("results") or [])


def data_source(response: Mapping[str, Any], what: str) -> str:
    """Return the id of the data source in the response to a look-up of a database (``code`` and ``body``).

    Raises ``UnusableContext`` if Notion refused the look-up, or the database has no data source.
    """
    sources = response_object(response, what).get("data_sources") or []
    if not sources:
        raise UnusableContext(f"{what}: the Notion database has no data source; is its id right?")
    return str(sources[0]["id"])


def response_object(response: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """Return the JSON object of a response (``code`` and ``body``) with status 200.

    Raises ``UnusableContext`` for any other status; the message has ``what`` was requested and Notion's error code.
    """
    body = parse_json(response.get("body"))
    if response.get("code") != 200:
        code = body.get("code") if isinstance(body, dict) else None
        error_code = f" ({code})" if isinstance(code, str) and code.isidentifier() else ""
        raise UnusableContext(f"{what}: Notion answered HTTP {response.get('code')}{error_code}")
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
