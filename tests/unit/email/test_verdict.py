from __future__ import annotations

import json

from christmas_campaign.email.verdict import ReaderFault, Verdict, digest


def test_verdict_survives_json() -> None:
    verdict = Verdict(digest("x"), ("mail_reason",), (ReaderFault("a problem", "a correction"),))
    assert Verdict.from_json(json.loads(json.dumps(verdict.as_json()))) == verdict


def test_digest_takes_half_a_character() -> None:
    assert digest("\ud800") != digest("\ud801")
