"""`python -m services.cli`: the same as `grillo`."""

from services.cli import main

main()
