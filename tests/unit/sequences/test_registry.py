"""Rules for every sequence of the registry."""

from __future__ import annotations

import pytest

from christmas_campaign.door.handlers import BY_NAME
from christmas_campaign.door.http import signatures
from christmas_campaign.events import provider_payloads
from christmas_campaign.sequences.model import PayloadForm, Sequence, SignatureForm
from christmas_campaign.sequences.registry import SEQUENCES, has_email, has_sequence
from christmas_campaign.stops.rules import RULES

every_sequence = pytest.mark.parametrize("own", SEQUENCES, ids=lambda own: own.name)


@every_sequence
def test_sequence_names_only_fields_of_its_payload(own: Sequence) -> None:
    names = [own.event_field, own.event_time_field, own.anchor_field, *own.echoed, *own.defaults]
    assert {name for name in names if name is not None} <= {field.name for field in own.fields}


@every_sequence
def test_unknown_field_is_an_error_with_its_name(own: Sequence) -> None:
    assert own.field("email") is own.fields[0]
    with pytest.raises(LookupError, match=f"the sequence {own.name} has no field 'Email'"):
        own.field("Email")


@every_sequence
def test_registry_has_the_sequence_and_its_emails(own: Sequence) -> None:
    assert has_sequence(own.name)
    assert all(has_email(own.name, email.number) for email in own.emails)
    assert not has_email(own.name, own.last + 1)
    assert not has_email(own.name.upper(), own.last)


@every_sequence
def test_reasons_that_end_a_sequence_are_rules(own: Sequence) -> None:
    assert {reason for reason, rule in RULES.items() if own.name in rule.ends} >= {*own.ended_by}
    assert own.stops_for is None or own.name not in RULES[own.stops_for].ends


@every_sequence
def test_door_has_the_handler_of_the_sequence(own: Sequence) -> None:
    handler = BY_NAME[own.name]
    assert (handler.flow, handler.path, handler.old_path) == (own.handler, own.path, own.old_path)
    assert (handler.signing, handler.signature_forms) == (own.signing, own.signature_forms)


def test_properties_of_one_name_have_one_type() -> None:
    types: dict[str, set[str]] = {}
    for field in (field for own in SEQUENCES for field in own.fields if field.property is not None):
        types.setdefault(str(field.property), set()).add(field.property_type)
    assert [name for name, types_of_name in types.items() if len(types_of_name) > 1] == []


def test_every_provider_form_has_a_check_of_signatures_and_a_reader() -> None:
    assert list(signatures.OWN_HEADERS) == list(SignatureForm)
    assert set(provider_payloads.FORMS) == set(PayloadForm)
