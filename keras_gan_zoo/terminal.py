"""What the command line prints: as it is, without what a name might make the terminal do."""

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
    """Text whose names, of files or in them, cannot write to the terminal; its own lines stay."""
    return "\n".join(map(printable, message.split("\n")))


def fail(message: str) -> NoReturn:
    """Ends a command that was called with what cannot be."""
    say_error(message)
    raise typer.Exit(2)
