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

from christmas_campaign import __version__
from christmas_campaign.cli import demo as the_demo
from christmas_campaign.cli.child import ChildError
from christmas_campaign.cli.content import ContentError
from christmas_campaign.cli.flows import check as check_flows
from christmas_campaign.cli.kestra import KestraError
from christmas_campaign.cli.notion import NotionError
from christmas_campaign.cli.stack import PROJECT, Stack
from christmas_campaign.cli.toolchain import ToolchainError

#: What ends a command with one plain sentence.
_KNOWN = (ChildError, ContentError, KestraError, NotionError, ToolchainError, the_demo.DemoError)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """E-mail sequences on Kestra: try them on this machine, check them, run them."""
    signal.signal(signal.SIGTERM, _as_interrupt)


def _as_interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _plainly() -> Iterator[None]:
    """Turn the errors that a person can mend into one sentence and exit code 2; Ctrl-C into a quiet end."""
    try:
        yield
    except _KNOWN as error:
        click.echo(f"christmas: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        click.echo("\nStopped.")
        sys.exit(130)


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
    click.echo(f"\n  inbox    {stack.sandbox.url}/")
    click.echo(f"  webhook  {stack.webhook('signup-handler')}")
    click.echo(f"  logs     {stack.data}")


@main.command()
@_shared
@click.option(
    "--once/--stay",
    default=None,
    envvar="ONCE",
    help="End when the e-mails have come, or stay for a look at the inbox. Without a terminal it ends.",
)
@click.option(
    "--data", type=click.Path(path_type=Path), default=PROJECT / ".data" / "demo", help="Made anew each time."
)
def demo(engine_port: int, sandbox_port: int, memory: str, time_scale: float, once: bool | None, data: Path) -> None:
    """Play a signup: post it to the real webhook and watch its e-mails arrive, five days in half a minute.

    Exit code 0 only if exactly the expected e-mails arrived, in order and on time; 1 if not; 2 if it could not be played.
    """
    ends = not sys.stdout.isatty() if once is None else once
    with _plainly(), _alone(data):
        shutil.rmtree(data, ignore_errors=True)
        click.echo("Starting everything on this machine; nothing leaves it.")
        stack = Stack(data, time_scale=time_scale, engine_port=engine_port, sandbox_port=sandbox_port, memory=memory)
        stack.start(click.echo)
        try:
            _say_addresses(stack)
            click.echo(f"\nA salon owner signs up: {the_demo.summary()}, {time_scale:,.0f} times faster.\n")
            played = the_demo.post(stack, PROJECT / "examples" / "signup.json", "signup-handler", click.echo)
            faults = the_demo.watch(stack, played, click.echo)
            for fault in faults:
                click.secho(f"  wrong: {fault}", fg="red", err=True)
            if not faults:
                click.secho(f"\nAll {len(played.expected)} e-mails arrived, in order and on time.", fg="green")
            if not ends:
                click.echo(f"Look at them: {stack.sandbox.url}/   (Ctrl-C ends everything)")
                _wait()
        finally:
            stack.stop()
    sys.exit(1 if faults else 0)


@main.command()
@_shared
@click.option("--data", type=click.Path(path_type=Path), default=PROJECT / ".data" / "up", help="Kept from run to run.")
def up(engine_port: int, sandbox_port: int, memory: str, time_scale: float, data: Path) -> None:
    """Start the engine and the sandbox, and wait for webhooks. What was there the last time is there again."""
    with _plainly(), _alone(data):
        click.echo("Starting everything on this machine; nothing leaves it.")
        stack = Stack(data, time_scale=time_scale, engine_port=engine_port, sandbox_port=sandbox_port, memory=memory)
        stack.start(click.echo)
        try:
            _say_addresses(stack)
            click.echo("\nTry it, from the project's folder:\n")
            click.echo("  curl -H 'Content-Type: application/json' -d @examples/signup.json \\")
            click.echo(f"    {stack.webhook('signup-handler')}")
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
    """Look at the flows."""


@flows.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=PROJECT / "flows")
def check(folder: Path) -> None:
    """Have the engine itself validate every flow of FOLDER; each fault is named with its file and line.

    Exit code 0 if all are valid, 1 if one is not, 2 if they could not be checked.
    """
    with _plainly():
        faults = check_flows(folder, dict(os.environ))
    for fault in faults:
        click.echo(str(fault), err=True)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
