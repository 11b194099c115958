"""`python -m bff COMMAND`."""

from bff.cli import main

main()
