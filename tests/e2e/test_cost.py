"""The cost of a signup and of an e-mail, in units that do not depend on the machine.

A task run costs the engine 0.04 to 0.08 seconds of a processor, a skipped one too; a Python process costs about as much. The
engine reads and writes the outputs of an execution again with every task run. `make bench` measures the resulting times.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from faults.people import about_to_get_the_last
from support import address, ended, enrolled, runs, scheduled, sign_up

from christmas_campaign.clients.kestra import Execution
from christmas_campaign.local.stack import Stack


def task_runs(execution: Execution, *, apart_from: Sequence[str] = ()) -> list[str]:
    return [task.task for task in execution.tasks if task.task not in apart_from]


def python_processes(execution: Execution) -> int:
    """Return the number of Python tasks: only they have ``vars`` among their outputs."""
    return sum("vars" in task.outputs for task in execution.tasks)


def bytes_of_outputs(execution: Execution) -> int:
    return sum(len(json.dumps(task.outputs)) for task in execution.tasks)


def calls(stack: Stack, service: str) -> list[str]:
    return [f"{call.method} {call.path.split('/v1/')[-1].split('/')[0]}" for call in stack.sandbox.requests(service)]


def test_signup_stays_within_its_cost(stack: Stack) -> None:
    stack.sandbox.reset_log()
    email = address()
    sign_up(stack, email)
    enrolment = enrolled(stack, email)
    assert len(scheduled(stack, email)) == 4
    (handler,) = runs(stack, "signup-handler", email)
    assert len(task_runs(handler)) <= 5
    assert len(task_runs(enrolment, apart_from=["email"])) <= 18
    assert python_processes(handler) + python_processes(enrolment) == 3
    assert calls(stack, "notion") == ["POST data_sources", "POST data_sources", "POST pages"]
    assert bytes_of_outputs(enrolment) < 14_000


def test_sent_email_stays_within_its_cost(stack: Stack) -> None:
    first, second = address(), address()
    # The first one reads the template.
    about_to_get_the_last(stack, [first], seconds=3)
    ended(stack, first, 1)
    about_to_get_the_last(stack, [second], seconds=4)
    stack.sandbox.reset_log()
    (email,) = ended(stack, second, 1)
    assert email.labels["outcome"] == "sent"
    assert len(task_runs(email)) <= 12
    assert python_processes(email) == 2
    assert calls(stack, "notion") == ["GET pages", "PATCH pages", "POST pages"]
    assert len(calls(stack, "resend")) == 1
    assert bytes_of_outputs(email) < 17_000
