"""The handlers: the flows of Kestra that receive webhook calls.

Each sequence has its own handler. For a call of another kind, add a line to ``HANDLERS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from christmas_campaign.door.decisions import Decide, for_delivery_report, for_sequence
from christmas_campaign.sequences.model import SignatureForm
from christmas_campaign.sequences.registry import SEQUENCES

#: The handler of the unsubscribe link.
UNSUBSCRIBE = "unsubscribe"


class Handler(NamedTuple):
    """One handler.

    - ``name``: its name in settings, log and inbox. The handler of a sequence has the name of the sequence.
    - ``flow``: the id of the flow whose webhook receives the calls.
    - ``webhook_key``: the name of the secret that ends that webhook's address.
    - ``path``: the public path at the door (``None``: the calls come to ``kestra_path`` or to a page only).
    - ``signing``: the setting with the secrets that the sender signs with (``None``: calls are not signed).
    - ``decide``: decides about a call (``None``: the calls come from a page).
    - ``old_path``: the path in the old system, if it was different. The door accepts the same calls at both.
    - ``signature_forms``: how the senders sign, besides Standard Webhooks.
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
    def kestra_path(self) -> str:
        """The path of the flow's own webhook in Kestra, without the key at its end."""
        return f"/api/v1/main/executions/webhook/christmas/{self.flow}/"


#: All handlers: first those of the sequences, in the order of the registry.
HANDLERS: tuple[Handler, ...] = (
    *(
        Handler(
            sequence.name,
            sequence.handler,
            sequence.webhook_key,
            sequence.path,
            sequence.signing,
            for_sequence(sequence.name),
            sequence.old_path,
            sequence.signature_forms,
        )
        for sequence in SEQUENCES
    ),
    # Calls come from the page /unsubscribe/<token>, and the token is the contact's proof.
    Handler(UNSUBSCRIBE, "unsubscribe-handler", "WEBHOOK_KEY_UNSUBSCRIBE", None, None, None),
    Handler(
        "resend",
        "resend-handler",
        "WEBHOOK_KEY_RESEND",
        "/webhook/resend",
        "SIGNING_RESEND",
        for_delivery_report,
        signature_forms=(SignatureForm.SVIX,),
    ),
)

#: All handlers by name.
BY_NAME = {handler.name: handler for handler in HANDLERS}


def webhooks(kestra_url: str, keys: Mapping[str, str]) -> dict[str, str]:
    """Return the URLs of Kestra's webhooks by handler name; ``keys`` has the webhook keys by handler name."""
    return {name: f"{kestra_url}{BY_NAME[name].kestra_path}{key}" for name, key in keys.items()}
