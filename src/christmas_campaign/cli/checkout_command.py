"""The commands that need the engine's sources, and therefore a checkout of the project."""

from __future__ import annotations

from typing import Any

import click

from christmas_campaign import folders
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.errors import CommandError


class CheckoutCommand(click.Command):
    """A command that an installation does not list, and refuses to run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hidden = not folders.is_checkout()

    def invoke(self, ctx: click.Context) -> Any:
        if not folders.is_checkout():
            with plainly():
                raise CommandError(
                    f"`{ctx.command_path}` needs a checkout of the project, with make, Java and Maven: "
                    "clone its repository and run the command there"
                )
        return super().invoke(ctx)
