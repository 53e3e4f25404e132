"""The list of all sequences. A new sequence is one more file in this folder, and one more line in ``SEQUENCES``."""

from __future__ import annotations

from christmas_campaign.sequences.model import Sequence
from christmas_campaign.sequences.noshow import NOSHOW
from christmas_campaign.sequences.onboarding import ONBOARDING
from christmas_campaign.sequences.postcall import POSTCALL
from christmas_campaign.sequences.precall import PRECALL
from christmas_campaign.sequences.signup import SIGNUP


class UnknownSequence(LookupError):
    """This release has no sequence of this name."""


#: All sequences. `make up` shows the first one.
SEQUENCES: tuple[Sequence, ...] = (
    SIGNUP,
    NOSHOW,
    POSTCALL,
    ONBOARDING,
    PRECALL,
)

_BY_NAME = {sequence.name: sequence for sequence in SEQUENCES}


def sequence(name: str) -> Sequence:
    """Return the sequence of this name; raises ``UnknownSequence`` if this release does not have it."""
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UnknownSequence(f"there is no sequence {name!r}") from None


def has_sequence(name: str) -> bool:
    """Return whether this release has the sequence ``name``."""
    return name in _BY_NAME


def has_email(name: str, number: int) -> bool:
    """Return whether this release has the sequence ``name`` and its e-mail ``number``."""
    return has_sequence(name) and any(email.number == number for email in sequence(name).emails)
