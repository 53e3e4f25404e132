from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from christmas_campaign.steps import UnusableContext
from christmas_campaign.steps import compose as compose_step
from unit import build
from unit.steps import contexts, run

step: run.Step = compose_step.step


def test_as_a_task(tmp_path: Path) -> None:
    context = contexts.compose(record=build.record(first_name=build.AWKWARD).as_json())
    said = run.outputs(tmp_path, "compose", context)
    assert (said["send"], said["idempotency_key"]) == (True, "signup-abc-e2")
    assert "%" not in said["request"]
    assert json.loads(said["request"])["subject"] == f"{build.AWKWARD}: 100%"
    assert json.loads(said["keep"])["active"][0]["Subject Line"] == "{{first_name}}: 100%"
    assert not [name for name in ("keep", "claim") if "%" in said[name]]


#: What the KV store keeps of the template of ``contexts.compose``; it counts for five minutes.
KEEP = {
    "active": [
        {
            "Subject Line": "{{first_name}}: 100%",
            "Email Body HTML": f"<p>A body</p>{build.FOOTER}",
            "Email Body Plain Text": None,
        }
    ],
    "until": 1_763_651_100_000,
}
KEPT: dict[str, Any] = {
    "active": [
        {
            "Subject Line": "kept 100%",
            "Email Body HTML": f"<p>k</p>{build.FOOTER}",
            "Email Body Plain Text": f"k{build.FOOTER}",
        }
    ],
    "until": 0,
}


def test_an_email_is_handed_over_with_its_claim() -> None:
    said = dict(step(contexts.compose(seen="what was kept"), build.NOW))
    request = json.loads(said.pop("request"))
    assert (request["subject"], request["html"]) == ("Zoë: 100%", f"<p>A body</p> {build.footer()}")
    assert json.loads(said.pop("keep")) == KEEP
    assert json.loads(said.pop("claim")) == {
        "outcome": "sending",
        "at": "2025-11-20T15:00:00.000Z",
        "reason": None,
        "resend_id": None,
        "claimed_at": "2025-11-20T15:00:00.000Z",
    }
    assert said == {
        "send": True,
        "idempotency_key": "signup-abc-e2",
        # The last e-mail is due in five days; thirty more.
        "ttl": "PT3024000S",
        "claimed_at": "2025-11-20T15:00:00.000Z",
        # 23 hours later.
        "until": 1_763_733_600_000,
        "seen": "what was kept",
        "pace": compose_step.NO_PACE,
    }


def test_the_request_goes_into_the_file_that_the_flow_names(tmp_path: Path) -> None:
    """An older revision of the flow names none, and finds it among the outputs."""
    said = run.outputs(tmp_path, "compose", contexts.compose(file="the.json"))
    before = dict(step(contexts.compose(), build.NOW))
    assert (tmp_path / "the.json").read_text(encoding="utf-8") == before.pop("request")
    assert said.keys() == before.keys()


def test_without_an_email_there_is_no_file(tmp_path: Path) -> None:
    said = run.outputs(tmp_path, "compose", contexts.compose(file="the.json", templates=build.found()))
    assert (said["send"], said["reason"]) == (False, "template_missing")
    assert [each.name for each in tmp_path.iterdir()] == ["context.json"]


@pytest.mark.parametrize(
    ("own", "claimed_at", "until"),
    [
        (None, "2025-11-20T15:00:00.000Z", 1_763_733_600_000),
        (
            {"outcome": "failed", "at": "2025-11-20T14:00:00.000Z", "reason": "value_missing", "claimed_at": None},
            "2025-11-20T15:00:00.000Z",
            1_763_733_600_000,
        ),
        (
            {"outcome": "skipped", "at": "2025-11-20T14:00:00.000Z", "reason": "page_archived"},
            "2025-11-20T15:00:00.000Z",
            1_763_733_600_000,
        ),
        (
            {"outcome": "sending", "at": "2025-11-20T14:50:00.000Z", "claimed_at": "2025-11-20T14:00:00.000Z"},
            "2025-11-20T14:00:00.000Z",
            1_763_730_000_000,
        ),
        (
            {
                "outcome": "failed",
                "at": "2025-11-20T14:50:00.000Z",
                "reason": "resend_unreachable",
                "claimed_at": "2025-11-19T16:00:00.250Z",
            },
            "2025-11-19T16:00:00.250Z",
            1_763_650_800_250,
        ),
    ],
)
def test_how_long_a_key_holds_counts_from_the_first_claim(
    own: dict[str, Any] | None, claimed_at: str, until: int
) -> None:
    said = step(contexts.compose(own=own), build.NOW)
    assert (said["claimed_at"], said["until"]) == (claimed_at, until)
    assert json.loads(said["claim"]) == {
        "outcome": "sending",
        "at": "2025-11-20T15:00:00.000Z",
        "reason": None,
        "resend_id": None,
        "claimed_at": claimed_at,
    }


def test_what_is_not_kept_may_be_left_out() -> None:
    context = contexts.compose()
    del context["own"], context["kept"]
    said = step(context, build.NOW)
    assert (said["send"], said["claimed_at"]) == (True, "2025-11-20T15:00:00.000Z")


@pytest.mark.parametrize("until", [0, 1_763_651_000_000])
def test_a_template_that_is_kept_is_used_and_not_kept_anew(until: int) -> None:
    """Even one that counts no longer, when Notion is asked for it and does not answer."""
    said = step(contexts.compose(templates=None, kept={**KEPT, "until": until}), build.NOW)
    request = json.loads(said["request"])
    footer = build.footer()
    assert (request["subject"], request["html"], request["text"]) == (
        "kept 100%",
        f"<p>k</p> {footer}",
        f"k {footer}",
    )
    assert said["keep"] is None


def test_what_is_kept_of_a_template_is_the_template() -> None:
    fresh = step(contexts.compose(), build.NOW)
    kept = step(contexts.compose(templates=None, kept=json.loads(fresh["keep"])), build.NOW)
    assert kept == {**fresh, "keep": None}


def test_what_notion_says_of_a_template_comes_before_what_was_kept() -> None:
    said = step(contexts.compose(kept=KEPT), build.NOW)
    assert json.loads(said["request"])["subject"] == "Zoë: 100%"
    assert json.loads(said["keep"]) == KEEP


@pytest.mark.parametrize(
    ("active", "reason"),
    [
        ([], "template_missing"),
        ([*KEPT["active"], *KEPT["active"]], "template_ambiguous"),
        ([{"Subject Line": "s", "Email Body HTML": None, "Email Body Plain Text": None}], "template_empty"),
    ],
)
def test_a_kept_template_is_looked_at_like_any_other(active: list[dict[str, Any]], reason: str) -> None:
    said = step(contexts.compose(templates=None, kept={"active": active, "until": 0}), build.NOW)
    assert (said["send"], said["outcome"], said["reason"], said["keep"]) == (False, "failed", reason, None)


#: What the ledger may say of the e-mail, and when it was claimed first.
OWN = [
    (None, None),
    ({"outcome": "failed", "at": "2025-11-20T14:00:00.000Z", "reason": "value_missing"}, None),
    (
        {"outcome": "sending", "at": "2025-11-20T14:50:00.000Z", "claimed_at": "2025-11-20T14:00:00.000Z"},
        "2025-11-20T14:00:00.000Z",
    ),
    (
        {
            "outcome": "failed",
            "at": "2025-11-20T14:50:00.000Z",
            "reason": "resend_unreachable",
            "claimed_at": "2025-11-19T16:00:00.250Z",
        },
        "2025-11-19T16:00:00.250Z",
    ),
]


@pytest.mark.parametrize(
    "changed",
    [
        {"page": None},
        {"page": None, "kept": KEPT},
        {"page": None, "templates": None, "kept": KEPT},
        {"page": None, "templates": None},
        {"templates": None},
    ],
)
@pytest.mark.parametrize(("own", "claimed_at"), OWN)
@pytest.mark.parametrize("left_out", [True, False])
def test_without_an_answer_of_notion_the_email_is_put_off_and_a_claim_handed_on(
    changed: dict[str, Any], left_out: bool, own: dict[str, Any] | None, claimed_at: str | None
) -> None:
    context = contexts.compose(own=own, **changed)
    if left_out:
        context = {name: value for name, value in context.items() if value is not None}
    assert step(context, build.NOW) == {
        "send": False,
        "outcome": "deferred",
        "reason": "notion_unreachable",
        "detail": "",
        "claimed_at": claimed_at,
        "pace": compose_step.NO_PACE,
    }


@pytest.mark.parametrize(("own", "claimed_at"), OWN)
@pytest.mark.parametrize("kept", [None, KEPT])
def test_without_an_email_there_is_no_new_claim_and_no_template_is_kept(
    kept: dict[str, Any] | None, own: dict[str, Any] | None, claimed_at: str | None
) -> None:
    page = build.response(build.sequence_page(archived=True))
    assert step(contexts.compose(page=page, kept=kept, own=own), build.NOW) == {
        "send": False,
        "outcome": "skipped",
        "reason": "page_archived",
        "detail": "The contact's page in Email Sequence is in the trash.",
        "keep": None,
        "claimed_at": claimed_at,
        "pace": compose_step.NO_PACE,
    }


@pytest.mark.parametrize(
    ("templates", "reason"),
    [
        ([], "template_missing"),
        ([build.template("s"), build.template("s")], "template_ambiguous"),
        ([build.template("")], "template_empty"),
        ([build.template("{{first_name")], "template_malformed"),
        ([build.template("{{nobody_knows}}")], "value_missing"),
    ],
)
def test_a_template_that_is_to_be_mended_is_not_kept(templates: list[dict[str, Any]], reason: str) -> None:
    """So that it counts at once when it is mended."""
    said = step(contexts.compose(templates=build.found(*templates)), build.NOW)
    assert (said["send"], said["outcome"], said["reason"], said["keep"]) == (False, "failed", reason, None)


def test_why_there_is_no_email() -> None:
    said = step(contexts.compose(page=build.response({"code": "object_not_found"}, 404)), build.NOW)
    assert (said["send"], said["outcome"], said["reason"]) == (False, "failed", "page_missing")
    assert "request" not in said


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"page": build.response({"code": "unauthorized"}, 401)},
            "the contact's page: Notion answered HTTP 401 (unauthorized)",
        ),
        (
            {"templates": build.response({"code": "object_not_found"}, 404)},
            "the look-up in Email Templates: Notion answered HTTP 404 (object_not_found)",
        ),
        (
            {"page": build.response("<html>a proxy</html>")},
            "an HTTP task received a response that is not JSON: is its address right?",
        ),
    ],
)
def test_a_refusal_by_notion_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableContext) as caught:
        step(contexts.compose(**changed), build.NOW)
    assert str(caught.value) == message


@pytest.mark.parametrize("changed", [{"unsubscribe_key": ""}, {"settings": {**contexts.SETTINGS, "public_url": None}}])
def test_a_run_of_today_needs_the_page(changed: dict[str, Any]) -> None:
    said = step(contexts.compose(**changed), build.NOW)
    assert (said["send"], said["reason"]) == (False, "setting_missing")


def test_the_key_of_the_links_is_in_nothing_that_is_handed_on() -> None:
    assert contexts.UNSUBSCRIBE_KEY not in json.dumps(step(contexts.compose(), build.NOW))


def test_older_revision_of_the_flow_counts_a_mark_with_its_time_alone() -> None:
    """It does not hand over what the KV store knows; a mark of an older version has no time, and may have been lifted."""
    for words, sends in (("unsubscribed since 2025-11-19T10:00:00-05:00", False), ("unsubscribed (from E3)", True)):
        page = build.response(build.sequence_page({"Stop Reason": words}))
        assert step(contexts.compose(page=page), build.NOW)["send"] is sends
        assert step(contexts.compose(page=page, stopped=None), build.NOW)["send"] is False
