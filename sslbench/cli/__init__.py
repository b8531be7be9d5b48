"""The command line: one module per command, imported when the command is used.

`sslbench --help` therefore imports neither numpy nor any plugin.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from sslbench.errors import SslbenchError

__all__ = ["main", "sslbench"]

COMMANDS = {
    "run": "Run methods on data sets and print the leaderboard.",
    "train": "Train methods without scoring them.",
    "predict": "Run methods without scoring their predictions.",
    "score": "Score predictions again, or predictions of another program.",
    "localize": "Estimate where the sound in a WAV file comes from.",
    "runs": "List stored runs.",
    "plot": "Draw figures of stored runs.",
    "methods": "List methods, or show one.",
    "trackers": "List trackers, or show one.",
    "datasets": "List, download, check, prepare and find data sets.",
    "alterations": "List alterations of data sets, or show one.",
    "metrics": "List metrics, or show the definition of one.",
    "protocols": "List protocols, or show the rules of one.",
    "plugins": "List and check plugins, or create a new one.",
    "leaderboard": "Add records; build, check, verify and show leaderboards.",
    "info": "Show versions, folders and devices.",
}


class _Commands(click.Group):
    """Commands by name, each imported from its own module on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"sslbench.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from sslbench.registry import nearest

            known = nearest(args[0], list(COMMANDS))
            raise click.UsageError(f"there is no command {args[0]!r}: {known}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sslbench")
def sslbench() -> None:
    """Benchmark sound source localization: methods, data sets and metrics under the same rules.

    `sslbench run` without a selection runs every method on the simulated data sets and prints a
    leaderboard per data set.
    """


def main() -> None:
    """Run the command line and exit with the code that sslbench.errors documents."""
    try:
        code = sslbench.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except SslbenchError as error:
        click.echo(f"sslbench: {error}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("sslbench: interrupted; what was finished is kept", err=True)
        code = 130
    except BrokenPipeError:
        # The reader (`| head`) has exited. Python must not report that when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        click.echo(f"sslbench: {error.strerror}: {error.filename or 'output'}", err=True)
        code = 4
    sys.exit(code if isinstance(code, int) else 0)
