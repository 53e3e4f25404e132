"""A group of commands whose help lists them under headings."""

from __future__ import annotations

from typing import Any

import click


class HelpGroups(click.Group):
    """A group of commands that are added under headings. The help shows the short text of each command in full."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._headings: dict[str, tuple[click.Command, ...]] = {}

    def add_commands(self, heading: str, *commands: click.Command) -> None:
        """Add commands to the group; its help lists them under this heading, in this order."""
        self._headings[heading] = commands
        for command in commands:
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """Return the names of all commands, in the order of the help."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 click's signature
        """Write a section for each heading that has a command to show; hidden commands are left out."""
        width = max(map(len, self.commands))
        for heading, commands in self._headings.items():
            rows = [
                (f"{command.name:<{width}}", command.get_short_help_str(formatter.width))
                for command in commands
                if not command.hidden
            ]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)
