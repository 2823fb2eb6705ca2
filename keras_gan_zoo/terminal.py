"""The output of the command line: text as it is, but without anything in a name that the terminal would act on."""

from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from .untrusted import printable

out, err = Console(), Console(stderr=True)


def say(console: Console, message: str) -> None:
    """Prints text as it is: no markup is read in it, and no path is broken over lines."""
    console.print(safe(message), markup=False, highlight=False, soft_wrap=True)


def say_error(message: str) -> None:
    """Prints an error."""
    err.print(f"[red]Error:[/red] {escape(safe(message))}", highlight=False, soft_wrap=True)


def safe(message: str) -> str:
    """Returns text in which names, of files or in them, cannot control the terminal; its own lines stay."""
    return "\n".join(map(printable, message.split("\n")))


def fail(message: str) -> NoReturn:
    """Ends a command that was called in a wrong way."""
    say_error(message)
    raise typer.Exit(2)
