"""The base of the commands that need a checkout of the project, because they build the engine from its sources."""

from __future__ import annotations

from typing import Any

import click

from christmas_campaign import folders
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.errors import CommandError


class CheckoutCommand(click.Command):
    """A command that runs only in a checkout. In an installation the help hides it, and it ends with exit code 2."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.hidden = not folders.is_checkout()

    def invoke(self, ctx: click.Context) -> Any:
        if not folders.is_checkout():
            with report_errors():
                raise CommandError(
                    f"`{ctx.command_path}` needs a checkout of the project, with make, Java and Maven: "
                    "clone its repository and run the command there"
                )
        return super().invoke(ctx)
