"""The `grillo` command. Modules are imported when a command needs them: `--help` waits for no database library."""

import atexit
import gc
import sys


def main() -> None:
    """Exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    if sys.argv[1:] == ["--version"]:
        # Scripts ask this often: it waits for no import that it can do without.
        from services.cli.version import print_version

        return print_version()
    if sys.argv[1:2] == ["up"]:
        # First of all imports: it changes sockets, locks and threads for everything that comes after.
        import services.embedded.system  # noqa: F401
    # The interpreter's last collection would look at every object, for a second.
    atexit.register(gc.freeze)
    from services.cli.application import application
    from services.cli.failure import Failure

    try:
        application()()
    except Failure as failure:
        _end(str(failure))
    except Exception as error:
        reason = _known_fault(error)
        if reason is None:
            raise
        _end(reason)


def _known_fault(error: Exception) -> str | None:
    """Any command may meet a wrong setting, a log put back, or a database that is none, is away or has no schema."""
    from shared.environment import SettingWrong
    from shared.eventsourcing.epochs import LogDiverged

    if isinstance(error, SettingWrong | LogDiverged):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name == "obspy":
        return "recordings are read by ObsPy, which is not installed: pip install 'grillo[sensors]'"
    if "sqlalchemy" not in sys.modules:
        return None
    from sqlalchemy.exc import SQLAlchemyError

    from shared.sql.database import DatabaseBusy, DatabaseUrlWrong
    from shared.sql.migrations import SchemaIsNewer, SchemaIsOlder

    if isinstance(error, DatabaseUrlWrong | DatabaseBusy | SchemaIsNewer | SchemaIsOlder):
        return str(error)
    if isinstance(error, SQLAlchemyError):
        # The driver's own words: SQLAlchemy's go on with the statement.
        words = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        return f"the database cannot be used: {words.splitlines()[0]}"
    return None


def _end(reason: str) -> None:
    sys.stderr.write(f"grillo: {reason}\n")
    sys.exit(1)
