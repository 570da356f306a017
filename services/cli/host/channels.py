"""`grillo channels reseal`: encrypts webhooks' secrets under the newest key, so the old one can go."""

from pathlib import Path

import typer

from services.cli.arguments import AsJson, Data
from services.cli.failure import Failure
from services.cli.host.databases import open_database
from services.cli.output import print_json

app = typer.Typer(help="Encrypt webhooks' secrets under a new key.", no_args_is_help=True)


@app.callback()
def channels() -> None:
    """Encrypt webhooks' secrets under a new key."""


@app.command()
def reseal(data: Data = Path("data"), as_json: AsJson = False) -> None:
    """Encrypt every webhook's secret under the first key of CHANNEL_SECRETS_KEY; prints how many were under another.

    On a data folder the keys are those of its file channel-secrets-key. Safe to repeat; exit status 1 if a secret is
    under none of the keys.
    """
    from services.embedded.data_folder import DataFolder
    from services.usage.notifications.channels import resealing
    from services.usage.notifications.channels.secret_encryption import SecretEncryption
    from services.usage.notifications.settings import secrets_keys
    from shared.environment import SettingWrong, text

    database = open_database("usage", data)
    try:
        keys = secrets_keys(None if text("DATABASE_URL") else DataFolder(data).channel_secrets_key())
    except SettingWrong as error:
        raise Failure(str(error)) from None
    done = resealing.reseal(database, SecretEncryption(keys))
    if as_json:
        print_json({"resealed": done.secrets, "unreadable": list(done.unreadable)})
    else:
        typer.echo(f"{done.secrets} secrets sealed anew.")
    if done.unreadable:
        raise Failure(
            f"sealed under none of the keys: {', '.join(done.unreadable)}. "
            "Name the key they are under behind the first, or have these channels' secrets rotated."
        )
