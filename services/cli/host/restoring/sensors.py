"""`grillo restore accept --log sensors`: what auth keeps of the log of sensors is given up, and begins anew.

Nobody follows that log, so there is nothing to end and nobody to begin anew but its witness.
"""

from pathlib import Path

import typer

from services.cli.host.databases import open_database, require_current
from services.cli.output import print_json


def accept(data: Path, *, yes: bool, as_json: bool) -> None:
    """On a data folder, or on auth's DATABASE_URL. What was kept stays in auth's database, under another name."""
    from services.auth import tables
    from services.auth.assembly import MIGRATIONS, SENSORS_WITNESS
    from services.embedded.data_folder import DataFolder
    from shared.environment import text
    from shared.replication.heads.head_keeper import give_up_witnessed, witnessed
    from shared.sql.migrations import migrate

    kept_head = tables.metadata.tables["kept_head"]
    auth = open_database("auth", data, to_read=not yes)
    if yes:
        migrate(auth, MIGRATIONS)
        if not text("DATABASE_URL") and DataFolder(data).has_database("sensors"):
            open_database("sensors", data).answers()  # a damaged end of its write-ahead log is dropped now
    else:
        require_current("auth", auth)
    with auth.transaction() if yes else auth.reading() as tx:
        heads = witnessed(tx, kept_head, SENSORS_WITNESS)
        if yes:
            give_up_witnessed(tx, kept_head, SENSORS_WITNESS)
    if as_json:
        print_json({"accepted": yes, "heads": len(heads)})
    elif yes:
        typer.echo(f"Accepted. {len(heads)} heads of the log of sensors that auth had kept are compared with no more.")
    else:
        typer.echo(f"Nothing was changed. {len(heads)} heads that auth keeps would be given up. Do it with --yes.")
