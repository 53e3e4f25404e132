"""The command ``christmas``: its groups, and the commands that run the campaign on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import click

from christmas_campaign import __version__, folders
from christmas_campaign.cli.checkout_command import CheckoutCommand
from christmas_campaign.cli.command_errors import report_errors
from christmas_campaign.cli.failure_commands import failures, replay
from christmas_campaign.cli.forget_commands import forget
from christmas_campaign.cli.help_groups import HelpGroups
from christmas_campaign.cli.inbox_command import inbox
from christmas_campaign.cli.notion_commands import notion
from christmas_campaign.cli.operate_commands import pause, resume
from christmas_campaign.cli.production_commands import deploy as deploy_flows
from christmas_campaign.cli.production_commands import smoke
from christmas_campaign.cli.prompts import json_option, print_json
from christmas_campaign.cli.repair_command import repair
from christmas_campaign.cli.secrets_commands import secrets
from christmas_campaign.cli.stop_commands import go_on, stop, stopped, unsubscribe_link
from christmas_campaign.cli.template_commands import templates
from christmas_campaign.door.routes import PUBLIC_PATHS
from christmas_campaign.local import demo as demo_run
from christmas_campaign.local import ports, running_stack
from christmas_campaign.local.flow_check import check as check_flows
from christmas_campaign.local.stack import Stack
from christmas_campaign.sequences.registry import SEQUENCES, sequence

_EXIT_CODES = """\b
Exit codes of all commands:
  0  done, or all is well
  1  something is wrong or left to do; the output names it
  2  the command could not do its work; the message says why
  3  nothing was changed: nobody was there to confirm, and --yes was missing"""


@click.group(cls=HelpGroups, epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """E-mail sequences on Kestra: try them on this machine, check them, run them."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    # A shell without job control starts background processes with SIGINT ignored; Ctrl-C must work there too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _as_interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stack_options(command: click.decorators.FC) -> click.decorators.FC:
    options = [
        click.option("--engine-port", type=int, default=0, show_default="a free one", help="The port of the engine."),
        click.option("--sandbox-port", type=int, default=0, show_default="a free one", help="The port of the sandbox."),
        click.option("--memory", default="512m", show_default=True, help="The largest heap of the engine."),
        click.option(
            "--time-scale",
            type=click.FloatRange(1, 1_000_000),
            envvar="TIME_SCALE",
            default=demo_run.TIME_SCALE,
            show_default=True,
            help="Divides every delay.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _show_addresses(stack: Stack, addresses: Mapping[str, str]) -> None:
    """Show where the e-mails and logs are, and the ``addresses`` to which events are posted, by sequence name."""
    click.echo(f"\n  inbox       {stack.sandbox.url}/")
    for name, address in addresses.items():
        click.echo(f"  {name:<10}  {address}")
    click.echo(f"  logs        {stack.data}")


@click.command(cls=CheckoutCommand)
@_stack_options
@click.option(
    "--once/--stay",
    default=None,
    envvar="ONCE",
    help="End after the last e-mail, or stay so that you can look at the inbox. Without a terminal it ends.",
)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([played.name for played in demo_run.PLAYED]),
    help="Play only this sequence. May be repeated.  [default: all]",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=folders.CHECKOUT / ".data" / "demo",
    help="The folder for the data. It is emptied at each start.",
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
    """Play the sequences on this machine.

    Posts an event to each real webhook and shows the e-mails as they arrive: a week in under a minute. Nothing leaves this
    machine. The sequence before a call is left out, because its example has a call at a fixed time.

    Exit code 0 if exactly the expected e-mails arrived, in order and none early; 1 if not; 2 if the demo could not run. On a
    busy machine e-mails may be late: the demo then says so.

    \b
    Examples:
      christmas demo
      christmas demo --only signup --once
    """
    ends = not sys.stdout.isatty() if once is None else once
    sequences = [sequence(name) for name in dict.fromkeys(only)] or demo_run.PLAYED
    with report_errors(), running_stack.locked(data):
        shutil.rmtree(data, ignore_errors=True)
        click.echo("Starting everything on this machine; nothing leaves it.")
        stack = Stack(data, time_scale=time_scale, engine_port=engine_port, sandbox_port=sandbox_port, memory=memory)
        stack.start(click.echo)
        try:
            _show_addresses(stack, {each.name: stack.webhook(each.handler) for each in SEQUENCES})
            click.echo(
                f"\nA salon owner for each event: {', '.join(played.name for played in sequences)}."
                f"\n{demo_run.summary(sequences)}, {time_scale:,.0f} times faster.\n"
            )
            timeline = demo_run.play(stack, folders.examples(), click.echo, sequences)
            verdict = demo_run.watch(stack, timeline)
            for fault in verdict.faults:
                click.secho(f"  wrong: {fault}", fg="red", err=True)
            if not verdict.faults:
                count = sum(len(played.expected) for played in timeline.played)
                on_time = "" if verdict.late else " and on time"
                click.secho(f"\nAll {count} e-mails arrived, in order{on_time}.", fg="green")
            if verdict.late:
                click.echo(demo_run.lateness(verdict.late))
            if not ends:
                click.echo(f"Look at the e-mails: {stack.sandbox.url}/   (Ctrl-C ends everything)")
                _wait()
        finally:
            stack.stop()
    sys.exit(1 if verdict.faults else 0)


@click.command(cls=CheckoutCommand)
@_stack_options
@click.option("--door-port", type=int, default=0, show_default="a free one", help="The port of the door.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=running_stack.FOLDER,
    help="The folder for the data. The next start finds it again.",
)
def up(engine_port: int, sandbox_port: int, door_port: int, memory: str, time_scale: float, data: Path) -> None:
    """Start the engine, the sandbox and the door for webhooks.

    The command runs until Ctrl-C. The data and the ports of the last start are there again. The unsubscribe links in the
    e-mails work.

    While it runs, the other commands use this stack: in the project's folder, unless --env-file or a setting in the
    environment (KESTRA_..., SECRET_..., ENV_..., DOOR_...) names another one. They say so. Elsewhere, and for another --data,
    run the line that this command prints.

    \b
    Example:
      christmas up --sandbox-port 8025
    """
    with report_errors(), running_stack.locked(data):
        click.echo("Starting everything on this machine; nothing leaves it.")
        chosen = ports.Ports(engine_port, sandbox_port, door_port)
        reserved = ports.reserve(data / "ports.json", chosen, click.echo)
        stack = Stack(
            data,
            time_scale=time_scale,
            engine_port=reserved.engine,
            sandbox_port=reserved.sandbox,
            door_port=reserved.door,
            memory=memory,
            lasting=True,
        )
        stack.start(click.echo)
        try:
            addresses = {name: f"{stack.door_url}{path}" for name, path in PUBLIC_PATHS.items()}
            _show_addresses(stack, addresses)
            click.echo("\nTry it, from the project's folder:\n")
            first = SEQUENCES[0]
            click.echo(
                f"  curl -H 'Content-Type: application/json' -d @examples/{first.name}.json {addresses[first.name]}"
            )
            click.echo(
                "\nOther commands use this stack in the project's folder. Elsewhere they need this line first:\n"
            )
            click.echo(f"  . {shlex.quote(str(stack.environment_file.absolute()))}")
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


@click.group()
def flows() -> None:
    """Check the flows and deploy them to Kestra."""


@flows.command(cls=CheckoutCommand)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=folders.FLOWS)
@json_option
def check(folder: Path, as_json: bool) -> None:
    """Validate the flows with the engine.

    FOLDER holds the flows; without it the command checks the flows of its own version. Each fault comes with its file and line.

    Exit code 0 if all flows are valid, 1 if there is a fault, 2 if the flows could not be checked.

    \b
    Example:
      christmas flows check flows
    """
    with report_errors():
        faults = check_flows(folder, dict(os.environ))
    if as_json:
        print_json([{**fault._asdict(), "file": str(fault.file)} for fault in faults])
    else:
        for fault in faults:
            click.echo(str(fault), err=True)
    sys.exit(1 if faults else 0)


flows.add_command(deploy_flows)
main.add_commands("Try it", demo, up)
main.add_commands("Templates", templates)
main.add_commands("Notion", notion)
main.add_commands(
    "Operate",
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
    inbox,
)
main.add_commands("Install", secrets, flows, smoke)


if __name__ == "__main__":
    main()
