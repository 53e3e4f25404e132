"""The `christmas` command."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from christmas_campaign import __version__, folders
from christmas_campaign.cli.checkout_command import CheckoutCommand
from christmas_campaign.cli.errors_shown import plainly
from christmas_campaign.cli.failure_commands import failures, replay
from christmas_campaign.cli.forget_commands import forget
from christmas_campaign.cli.inbox_command import inbox
from christmas_campaign.cli.notion_commands import notion
from christmas_campaign.cli.operate_commands import pause, resume
from christmas_campaign.cli.production_commands import deploy as deploy_flows
from christmas_campaign.cli.production_commands import smoke
from christmas_campaign.cli.repair_command import repair
from christmas_campaign.cli.secrets_commands import secrets
from christmas_campaign.cli.stop_commands import go_on, stop, stopped, unsubscribe_link
from christmas_campaign.cli.template_commands import templates
from christmas_campaign.local import demo as the_demo
from christmas_campaign.local.child_process import ChildError
from christmas_campaign.local.flow_check import check as check_flows
from christmas_campaign.local.stack import Stack
from christmas_campaign.sequences.registry import SEQUENCES, sequence


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """E-mail sequences on Kestra: try them on this machine, check them, run them."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    # A shell without job control starts what is in the background deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _as_interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Hold the folder ``data`` for this command alone."""
    data.parent.mkdir(parents=True, exist_ok=True)
    with data.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ChildError(
                f"{data} is in use: is it running in another window? Stop it there, or choose --data"
            ) from None
        yield


def _shared(command: click.decorators.FC) -> click.decorators.FC:
    options = [
        click.option("--engine-port", type=int, default=0, show_default="a free one", help="Port of the engine."),
        click.option("--sandbox-port", type=int, default=0, show_default="a free one", help="Port of the sandbox."),
        click.option("--memory", default="512m", show_default=True, help="The most memory of the engine's heap."),
        click.option(
            "--time-scale",
            type=click.FloatRange(1, 1_000_000),
            envvar="TIME_SCALE",
            default=the_demo.TIME_SCALE,
            show_default=True,
            help="Every delay is divided by this.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _say_addresses(stack: Stack) -> None:
    click.echo(f"\n  inbox       {stack.sandbox.url}/")
    for each in SEQUENCES:
        click.echo(f"  {each.name:<10}  {stack.webhook(each.handler)}")
    click.echo(f"  logs        {stack.data}")


@main.command(cls=CheckoutCommand)
@_shared
@click.option(
    "--once/--stay",
    default=None,
    envvar="ONCE",
    help="End when the e-mails have come, or stay for a look at the inbox. Without a terminal it ends.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([each.name for each in the_demo.PLAYED]),
    help="Play this sequence alone; may be given again.  [default: all]",
)
@click.option(
    "--data", type=click.Path(path_type=Path), default=folders.CHECKOUT / ".data" / "demo", help="Made anew each time."
)
def demo(
    engine_port: int,
    sandbox_port: int,
    memory: str,
    time_scale: float,
    once: bool | None,
    only: tuple[str, ...],
    data: Path,
) -> None:
    """Play every sequence that follows an event: post one to each real webhook and watch the e-mails arrive, a week in under
    a minute. Left out are the e-mails before a call, whose example has a call at a fixed time.

    Exit code 0 only if exactly the expected e-mails arrived, in order and none before its time; 1 if not; 2 if it could not
    be played. On a busy machine e-mails may be late: the demo then says so.
    """
    ends = not sys.stdout.isatty() if once is None else once
    played = [sequence(name) for name in dict.fromkeys(only)] or the_demo.PLAYED
    with plainly(), _alone(data):
        shutil.rmtree(data, ignore_errors=True)
        click.echo("Starting everything on this machine; nothing leaves it.")
        stack = Stack(data, time_scale=time_scale, engine_port=engine_port, sandbox_port=sandbox_port, memory=memory)
        stack.start(click.echo)
        try:
            _say_addresses(stack)
            click.echo(
                f"\nA salon owner for each event: {', '.join(each.name for each in played)}."
                f"\n{the_demo.summary(played)}, {time_scale:,.0f} times faster.\n"
            )
            timeline = the_demo.play(stack, folders.examples(), click.echo, played)
            verdict = the_demo.watch(stack, timeline)
            for fault in verdict.faults:
                click.secho(f"  wrong: {fault}", fg="red", err=True)
            if not verdict.faults:
                count = sum(len(each.expected) for each in timeline.played)
                on_time = "" if verdict.late else " and on time"
                click.secho(f"\nAll {count} e-mails arrived, in order{on_time}.", fg="green")
            if verdict.late:
                click.echo(the_demo.lateness(verdict.late))
            if not ends:
                click.echo(f"Look at them: {stack.sandbox.url}/   (Ctrl-C ends everything)")
                _wait()
        finally:
            stack.stop()
    sys.exit(1 if verdict.faults else 0)


@main.command(cls=CheckoutCommand)
@_shared
@click.option(
    "--data", type=click.Path(path_type=Path), default=folders.CHECKOUT / ".data" / "up", help="Kept from run to run."
)
def up(engine_port: int, sandbox_port: int, memory: str, time_scale: float, data: Path) -> None:
    """Start the engine and the sandbox, and wait for webhooks. What was there the last time is there again."""
    with plainly(), _alone(data):
        click.echo("Starting everything on this machine; nothing leaves it.")
        stack = Stack(
            data, time_scale=time_scale, engine_port=engine_port, sandbox_port=sandbox_port, memory=memory, lasting=True
        )
        stack.start(click.echo)
        try:
            _say_addresses(stack)
            click.echo("\nTry it, from the project's folder:\n")
            first = SEQUENCES[0]
            click.echo(f"  curl -H 'Content-Type: application/json' -d @examples/{first.name}.json \\")
            click.echo(f"    {stack.webhook(first.handler)}")
            click.echo("\nCtrl-C ends everything.")
            _wait()
        finally:
            stack.stop()


def _wait() -> None:
    """Wait for Ctrl-C or SIGTERM, and return."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("\nStopping ...")


@main.group()
def flows() -> None:
    """Check the flows, deploy them."""


@flows.command(cls=CheckoutCommand)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=folders.FLOWS)
def check(folder: Path) -> None:
    """Have the engine itself validate every flow of FOLDER; each fault is named with its file and line.

    Exit code 0 if all are valid, 1 if one is not, 2 if they could not be checked.
    """
    with plainly():
        faults = check_flows(folder, dict(os.environ))
    for fault in faults:
        click.echo(str(fault), err=True)
    sys.exit(1 if faults else 0)


flows.add_command(deploy_flows)
for command in (
    notion,
    templates,
    inbox,
    failures,
    replay,
    repair,
    pause,
    resume,
    stop,
    go_on,
    stopped,
    unsubscribe_link,
    forget,
    secrets,
    smoke,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
