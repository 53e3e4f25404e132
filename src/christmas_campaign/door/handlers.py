"""Who takes the calls: the handlers of Kestra, as data.

Each sequence brings its own handler. A call of any other kind is one more line of ``HANDLERS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from christmas_campaign.door.decisions import Decide, of_resend, of_sequence
from christmas_campaign.sequences.model import SignatureForm
from christmas_campaign.sequences.registry import SEQUENCES

#: The handler of the link to unsubscribe.
UNSUBSCRIBE = "unsubscribe"


class Handler(NamedTuple):
    """One handler of Kestra.

    ``name`` is what the settings, the log and the inbox call it: for those that start a sequence, the sequence's. ``flow`` is
    the flow whose webhook takes the calls, ``webhook_key`` the secret that is the last part of that webhook's address.
    ``path`` is where the calls come to the door (``None``: to the native address alone), ``signing`` the setting with the
    secrets that their sender signs with (``None``: nobody signs), ``decide`` what decides about them (``None``: a page).
    ``old_path`` is the path of the old system, where it has another one: both take the same calls. ``signature_forms`` are the
    forms in which its senders sign, besides Standard Webhooks.
    """

    name: str
    flow: str
    webhook_key: str
    path: str | None
    signing: str | None
    decide: Decide | None
    old_path: str | None = None
    signature_forms: tuple[SignatureForm, ...] = ()

    @property
    def native(self) -> str:
        """The address of the flow's own webhook, before the key."""
        return f"/api/v1/main/executions/webhook/christmas/{self.flow}/"


#: All handlers; the order is that of the sequences, and then of what starts none.
HANDLERS: tuple[Handler, ...] = (
    *(
        Handler(
            each.name,
            each.handler,
            each.webhook_key,
            each.path,
            each.signing,
            of_sequence(each.name),
            each.old_path,
            each.signature_forms,
        )
        for each in SEQUENCES
    ),
    # Its path is not whole without a contact's token, which is its signature.
    Handler(UNSUBSCRIBE, "unsubscribe-handler", "WEBHOOK_KEY_UNSUBSCRIBE", None, None, None),
    Handler(
        "resend",
        "resend-handler",
        "WEBHOOK_KEY_RESEND",
        "/webhook/resend",
        "SIGNING_RESEND",
        of_resend,
        signature_forms=(SignatureForm.SVIX,),
    ),
)

#: The same by their names.
BY_NAME = {each.name: each for each in HANDLERS}


def webhooks(kestra_url: str, keys: Mapping[str, str]) -> dict[str, str]:
    """Return the whole addresses of Kestra's webhooks by handler, from the webhooks' keys by handler."""
    return {name: f"{kestra_url}{BY_NAME[name].native}{key}" for name, key in keys.items()}
