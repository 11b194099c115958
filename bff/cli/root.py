"""The root on which the commands hang; alone, so that `acting.py` can tell from it what was typed."""

import typer

cli = typer.Typer(help="Sports for all: the house and its doors.", no_args_is_help=True, add_completion=False)
