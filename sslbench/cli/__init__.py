"""The command line: one file a verb, imported when the verb is used.

`sslbench --help` therefore imports neither numpy nor any plugin.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from sslbench.errors import SslbenchError

__all__ = ["main", "sslbench"]

VERBS = {
    "run": "Run methods on data sets and print the board.",
    "train": "Train methods without scoring them.",
    "predict": "Let methods answer without scoring them.",
    "score": "Score stored predictions again, or answers made elsewhere.",
    "localize": "Say where the sound in a wav file comes from.",
    "methods": "List methods, or show one.",
    "datasets": "List, download, check, prepare and find data sets.",
    "metrics": "List metrics, or show the definition of one.",
    "protocols": "List protocols, or show the rules of one.",
    "plugins": "List, check and start plugins.",
    "leaderboard": "Add records; build, check, verify and show boards.",
    "info": "Show versions, folders and devices.",
}


class _Verbs(click.Group):
    """Verbs by name, each imported from its own module on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"sslbench.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            from sslbench.registry import nearest

            raise click.UsageError(f"no verb {args[0]!r}: {nearest(args[0], list(VERBS))}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sslbench")
def sslbench() -> None:
    """Benchmark sound source localization: same scenes, same rules, honest intervals.

    `sslbench run` with nothing selected runs every method on simulated scenes and prints a board.
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
        # The reader (`| head`) has gone; Python must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        click.echo(f"sslbench: {error.strerror}: {error.filename or 'output'}", err=True)
        code = 4
    sys.exit(code if isinstance(code, int) else 0)
