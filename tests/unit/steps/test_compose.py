"""The step ``compose``: its outputs. ``tests/unit/email/test_compose.py`` tests the e-mail itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import compose as compose_step
from unit import build
from unit.steps import contexts, run

#: The copy of the template of ``contexts.compose`` for the KV store; valid for five minutes.
FRESH_COPY = {
    "active": [
        {
            "Subject Line": "{{first_name}}: 100%",
            "Email Body HTML": f"<p>A body</p>{build.FOOTER}",
            "Email Body Plain Text": None,
        }
    ],
    "until": 1_763_651_100_000,
    "verdict": contexts.VERDICT,
}
#: An expired copy of another version of the template.
EXPIRED_COPY: dict[str, Any] = {
    "active": [
        {
            "Subject Line": "copy 100%",
            "Email Body HTML": f"<p>k</p>{build.FOOTER}",
            "Email Body Plain Text": f"k{build.FOOTER}",
        }
    ],
    "until": 0,
}

#: Ledger entries with a claim: of an execution that crashed, and of an e-mail that failed after a day of tries.
CLAIM = {"outcome": "sending", "at": "2025-11-20T14:50:00.000Z", "claimed_at": "2025-11-20T14:00:00.000Z"}
FAILED_WITH_CLAIM = {
    "outcome": "failed",
    "at": "2025-11-20T14:50:00.000Z",
    "reason": "resend_unreachable",
    "claimed_at": "2025-11-19T16:00:00.250Z",
}
FAILED = {"outcome": "failed", "at": "2025-11-20T14:00:00.000Z", "reason": "value_missing"}


def run_compose(**changes: Any) -> dict[str, Any]:
    """Return the outputs of the step at ``build.NOW`` in a changed context."""
    return dict(compose_step.step(contexts.compose(**changes), build.NOW))


def test_composed_email_comes_with_its_claim() -> None:
    outputs = run_compose(seen="ledger entry as text", record=build.record(first_name=build.AWKWARD).as_json())
    # Kestra would render `{%` in an output as a template.
    assert "%" not in outputs["request"] + outputs["keep"] + outputs["claim"]
    assert contexts.UNSUBSCRIBE_KEY not in json.dumps(outputs)
    request = json.loads(outputs.pop("request"))
    assert (request["subject"], request["html"]) == (f"{build.AWKWARD}: 100%", f"<p>A body</p> {build.footer()}")
    assert json.loads(outputs.pop("keep")) == FRESH_COPY
    assert json.loads(outputs.pop("claim")) == {
        "outcome": "sending",
        "at": "2025-11-20T15:00:00.000Z",
        "reason": None,
        "resend_id": None,
        "claimed_at": "2025-11-20T15:00:00.000Z",
    }
    assert outputs == {
        "send": True,
        "idempotency_key": "signup-abc-e2",
        # The last e-mail is due in five days; its ledger entry lives 30 days longer.
        "ttl": "PT3024000S",
        "claimed_at": "2025-11-20T15:00:00.000Z",
        # 23 hours later.
        "until": 1_763_733_600_000,
        "seen": "ledger entry as text",
        "pace": compose_step.NO_PACE,
    }


def test_request_is_written_to_the_file_that_the_flow_names(tmp_path: Path) -> None:
    """A flow before 0.3.0 names no file and reads the request from the outputs."""
    outputs = run.outputs(tmp_path, "compose", contexts.compose(file="the.json"))
    without_file = run_compose()
    assert (tmp_path / "the.json").read_text(encoding="utf-8") == without_file.pop("request")
    assert outputs.keys() == without_file.keys()


def test_email_that_is_not_sent_has_no_file() -> None:
    outputs = run_compose(file="the.json", templates=build.found())
    assert (outputs["send"], outputs["reason"]) == (False, "template_missing")
    assert not outputs.keys() & {"files", "request"}


@pytest.mark.parametrize(
    ("own", "claimed_at", "until"),
    [
        (FAILED, "2025-11-20T15:00:00.000Z", 1_763_733_600_000),
        (CLAIM, "2025-11-20T14:00:00.000Z", 1_763_730_000_000),
        (FAILED_WITH_CLAIM, "2025-11-19T16:00:00.250Z", 1_763_650_800_250),
    ],
)
def test_idempotency_key_is_valid_from_the_first_claim(own: dict[str, Any], claimed_at: str, until: int) -> None:
    outputs = run_compose(own=own)
    assert (outputs["claimed_at"], outputs["until"]) == (claimed_at, until)
    claim = json.loads(outputs["claim"])
    assert (claim["at"], claim["claimed_at"]) == ("2025-11-20T15:00:00.000Z", claimed_at)


def test_null_entries_of_the_context_may_be_missing() -> None:
    context = contexts.compose()
    del context["own"], context["kept"]
    assert compose_step.step(context, build.NOW) == run_compose()


@pytest.mark.parametrize("until", [0, 1_763_651_000_000])
def test_copy_of_the_template_is_used_without_an_answer_of_notion(until: int) -> None:
    """An expired copy is better than no e-mail. The step does not store it again."""
    outputs = run_compose(templates=None, kept={**EXPIRED_COPY, "until": until})
    request = json.loads(outputs["request"])
    assert (request["subject"], request["html"], request["text"]) == (
        "copy 100%",
        f"<p>k</p> {build.footer()}",
        f"k {build.footer()}",
    )
    assert outputs["keep"] is None


def test_copy_of_the_template_gives_the_same_email_as_the_template() -> None:
    from_notion = run_compose()
    from_copy = run_compose(templates=None, kept=json.loads(from_notion["keep"]))
    assert from_copy == {**from_notion, "keep": None}


def test_template_in_notion_replaces_the_copy() -> None:
    assert run_compose(kept=EXPIRED_COPY) == run_compose()


@pytest.mark.parametrize(
    "changes",
    [
        {"page": None},
        {"page": None, "templates": None, "kept": EXPIRED_COPY},
        {"templates": None},
    ],
)
@pytest.mark.parametrize(("own", "claimed_at"), [(None, None), (CLAIM, "2025-11-20T14:00:00.000Z")])
def test_email_without_an_answer_of_notion_is_rescheduled_and_keeps_its_claim(
    changes: dict[str, Any], own: dict[str, Any] | None, claimed_at: str | None
) -> None:
    outputs = {
        "send": False,
        "outcome": "deferred",
        "reason": "notion_unreachable",
        "detail": "",
        "claimed_at": claimed_at,
        "pace": compose_step.NO_PACE,
    }
    context = contexts.compose(own=own, **changes)
    assert compose_step.step(context, build.NOW) == outputs
    assert compose_step.step(contexts.as_kestra_hands_over(context), build.NOW) == outputs


@pytest.mark.parametrize(("own", "claimed_at"), [(FAILED, None), (CLAIM, "2025-11-20T14:00:00.000Z")])
def test_email_that_is_not_sent_has_no_new_claim(own: dict[str, Any], claimed_at: str | None) -> None:
    page = build.response(build.sequence_page(archived=True))
    assert run_compose(page=page, kept=EXPIRED_COPY, own=own) == {
        "send": False,
        "outcome": "skipped",
        "reason": "page_archived",
        "detail": "The contact's page in Email Sequence is in the trash.",
        "keep": None,
        "claimed_at": claimed_at,
        "pace": compose_step.NO_PACE,
    }


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"templates": build.found()}, "template_missing"),
        ({"templates": None, "kept": {"active": EXPIRED_COPY["active"] * 2, "until": 0}}, "template_ambiguous"),
        ({"templates": build.found(build.template("{{nobody_knows}}"))}, "value_missing"),
        ({"page": build.response({"code": "object_not_found"}, 404)}, "page_missing"),
        ({"unsubscribe_key": ""}, "setting_missing"),
        ({"settings": {**contexts.SETTINGS, "public_url": None}}, "setting_missing"),
    ],
)
def test_failed_email_stores_no_copy_of_the_template(changes: dict[str, Any], reason: str) -> None:
    """The template may be at fault. A correction in Notion must count at once."""
    outputs = run_compose(**changes)
    assert (outputs["send"], outputs["outcome"], outputs["reason"]) == (False, "failed", reason)
    assert outputs["keep"] is None
    assert list(outputs.get("missing", ())) == (["nobody_knows"] if reason == "value_missing" else [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"page": build.response({"code": "unauthorized"}, 401)},
            "the contact's page: Notion answered HTTP 401 (unauthorized)",
        ),
        (
            {"templates": build.response({"code": "object_not_found"}, 404)},
            "the look-up in Email Templates: Notion answered HTTP 404 (object_not_found)",
        ),
    ],
)
def test_refused_request_to_notion_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as error:
        run_compose(**changes)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("note", "sends"), [("unsubscribed since 2025-11-19T10:00:00-05:00", False), ("unsubscribed (from E3)", True)]
)
def test_note_without_a_time_does_not_count_in_older_flows(note: str, sends: bool) -> None:
    """Older flows do not hand over the contact's stops. The owner may have lifted the stop of a note without a time."""
    page = build.response(build.sequence_page({"Stop Reason": note}))
    assert run_compose(page=page)["send"] is sends
    assert run_compose(page=page, stopped=None)["send"] is False
