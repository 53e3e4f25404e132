from __future__ import annotations

from typing import Any

from christmas_campaign.enrolment import lookups, signers
from christmas_campaign.enrolment.request import enroll_input
from christmas_campaign.notion import addresses, schema
from unit import build

EVENT = build.event(
    "onboarding", email="robin@example.net", other_signers=[" Zoe@Example.com", "no address", "ana@example.org"]
)
ONE = build.event("onboarding")


def test_candidates_are_all_signers_with_a_valid_address() -> None:
    assert signers.candidates(EVENT) == ["robin@example.net", "zoe@example.com", "ana@example.org"]
    assert signers.candidates(ONE) == ["zoe@example.com"]
    assert (signers.are_several(EVENT), signers.are_several(ONE)) == (True, False)


def test_signer_who_is_a_contact_is_chosen_with_their_own_name() -> None:
    chosen = signers.choose(EVENT, [build.contact(email="ZOE@example.com"), build.contact(email="x@example.org")])
    assert chosen == EVENT._replace(fields={name: value for name, value in ONE.fields.items() if name != "first_name"})


def test_first_signer_keeps_the_name() -> None:
    chosen = signers.choose(EVENT, [build.contact(), build.contact(email="robin@example.net")])
    assert chosen is not None
    assert (chosen.email, chosen.fields["first_name"], "other_signers" in chosen.fields) == (
        "robin@example.net",
        "Zoë",
        False,
    )


def test_nobody_is_chosen_without_a_contact() -> None:
    assert signers.choose(EVENT, [build.contact(email="x@example.org"), build.contact(email=None)]) is None
    assert signers.choose(EVENT, []) is None


def test_all_signers_are_looked_up_and_nobody_has_bought_yet() -> None:
    conditions = addresses.conditions(schema.CONTACTS, "email", EVENT.email, ["zoe@example.com", "ana@example.org"])
    assert lookups.lookups(EVENT).contact["filter"] == {"and": conditions}
    assert enroll_input(EVENT)["bought"] is None
    assert enroll_input(ONE)["bought"] is not None


def test_query_for_many_signers_has_as_many_conditions_as_notion_takes() -> None:
    crowd = build.event("onboarding", other_signers=[f"a.b{number}@x{number}.example" for number in range(20)])
    assert len(signers.candidates(crowd)) == signers.MOST_CANDIDATES
    query: Any = lookups.lookups(crowd).contact["filter"]
    assert all(len(condition["or"]) <= 100 for condition in query["and"])
