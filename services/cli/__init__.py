"""The `grillo` command. Modules are imported when a command needs them: `--help` waits for no database library."""

import sys


def main() -> None:
    """Exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    if sys.argv[1:2] == ["up"]:
        # First of all imports: it changes sockets, locks and threads for everything that comes after.
        import services.embedded.system  # noqa: F401
    from services.cli.application import application
    from services.cli.failure import Failure

    try:
        application()()
    except Failure as failure:
        sys.stderr.write(f"grillo: {failure}\n")
        sys.exit(1)
