"""The JSON texts, labels and alerts that steps hand to a flow."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from christmas_campaign.campaign.facts import ZONE
from christmas_campaign.campaign.outcomes import WHAT_TO_DO, Outcome, Reason
from christmas_campaign.email.compose import NotSent
from christmas_campaign.email.result import Verdict
from christmas_campaign.email.retry import GivenUp, PutOff
from christmas_campaign.enrolment.alerts import Pages
from christmas_campaign.events.intake import Event
from christmas_campaign.steps import outputs
from unit import build

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()) | st.sampled_from(["%", "\\%", "{% raw %}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(any_json)
def test_json_text_has_no_percent_sign_and_the_same_value(value: Any) -> None:
    text = outputs.json_text(value)
    assert "%" not in text
    assert json.loads(text) == value


def test_json_text_escapes_only_percent_signs() -> None:
    assert outputs.json_text({"a": "100% \\% {% raw %}"}) == '{"a": "100\\u0025 \\\\\\u0025 {\\u0025 raw \\u0025}"}'


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ({"outcome": Outcome.FAILED, "reason": Reason.VALUE_MISSING}, {"outcome": "failed", "reason": "value_missing"}),
        ({"outcome": Outcome.SENT, "reason": None, "x": 1}, {"outcome": "sent"}),
        ({"outcome": Outcome.ENROLLED}, {"outcome": "enrolled"}),
        ({}, {}),
    ],
)
def test_labels_are_the_outcome_and_the_reason(values: dict[str, Any], labels: dict[str, str]) -> None:
    labelled = outputs.with_labels(values)
    assert json.loads(labelled.pop("labels")) == labels
    assert labelled == values
    assert json.loads(outputs.with_labels(values, contact="100%")["labels"]) == {**labels, "contact": "100%"}


FAILED = {"outcome": Outcome.FAILED, "reason": Reason.VALUE_MISSING, "detail": "no value for {{x}}", "x": 1}


@pytest.mark.parametrize(
    ("event", "number", "key", "subject", "contact"),
    [
        (
            build.event(),
            2,
            "signup-abc.2.value_missing",
            "signup, e-mail 2 of 5 (template 5-Day E2)",
            "7ece2a81c666152c41fce3d8",
        ),
        (
            build.event(),
            None,
            "signup-abc.0.value_missing",
            "signup, the enrolment",
            "7ece2a81c666152c41fce3d8",
        ),
        (
            None,
            2,
            "signup-abc.2.value_missing",
            "signup, e-mail 2 of 5 (template 5-Day E2)",
            "of the enrolment signup-abc",
        ),
    ],
)
def test_failure_alerts_the_team(event: Event | None, number: int | None, key: str, subject: str, contact: str) -> None:
    alert = {
        "key": key,
        "message": f"**Failed**: {subject}: value_missing.\n"
        "no value for {{x}}\n"
        f"Contact {contact}: https://www.notion.so/page1.\n"
        f"To do: {WHAT_TO_DO[Reason.VALUE_MISSING]}"
        " `christmas failures` lists all.",
    }
    assert outputs.with_alert(FAILED, event, "signup-abc", number, Pages("page-1")) == {**FAILED, "alert": alert}
    failed = NotSent(Outcome.FAILED, Reason.VALUE_MISSING, "no value for {{x}}")
    assert outputs.failure_alert(failed, event, "signup-abc", number, Pages("page-1")) == alert


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.FAILED])
def test_other_outcomes_do_not_alert_the_team(outcome: Outcome) -> None:
    values = {"outcome": outcome, "reason": Reason.VALUE_MISSING, "detail": "x"}
    assert outputs.with_alert(values, build.event(), "signup-abc", 2) == {**values, "alert": None}
    assert outputs.failure_alert(NotSent(outcome, Reason.VALUE_MISSING, "x"), build.event(), "signup-abc", 2) is None


@pytest.mark.parametrize(
    ("verdict", "labels"),
    [
        (Verdict(Outcome.SENT), {"outcome": "sent"}),
        (Verdict(Outcome.SKIPPED, Reason.ALREADY_SENT), {"outcome": "skipped", "reason": "already_sent"}),
    ],
)
def test_label_text_has_outcome_reason_and_more(verdict: Verdict, labels: dict[str, str]) -> None:
    text = outputs.labels_text(verdict, contact="100%")
    assert "%" not in text
    assert json.loads(text) == {**labels, "contact": "100%"}


@pytest.mark.parametrize("date", [build.NOW, build.NOW.astimezone(ZONE)])
def test_date_of_next_try_is_in_utc(date: datetime) -> None:
    assert outputs.retry_outputs(PutOff(Reason.NOTION_UNREACHABLE, "x", date, 3)) == {
        "outcome": "deferred",
        "reason": "notion_unreachable",
        "detail": "x",
        "date": "2025-11-20T15:00:00.000Z",
        "tries": 3,
    }


def test_last_try_has_no_date() -> None:
    assert outputs.retry_outputs(GivenUp(Reason.NOTION_UNREACHABLE, "x")) == {
        "outcome": "failed",
        "reason": "notion_unreachable",
        "detail": "x",
    }
