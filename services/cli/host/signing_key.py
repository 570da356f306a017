"""`grillo signing-key SERVICE`: makes a pair of keys, by which followers believe what keys or auth tells them."""

from typing import Annotated

import typer

from services.cli.arguments import AsJson
from services.cli.output import print_json

_SIGNING = ("keys", "auth")


def signing_key(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="keys or auth.")], as_json: AsJson = False
) -> None:
    """Make an Ed25519 pair; prints two settings. The first is secret: give it to that service alone.

    The second is for all services. While a key is replaced they have both: the public key before, and the new one.
    """
    from shared.replication.proof.signatures import Signer, new_private_key

    if service not in _SIGNING:
        raise typer.BadParameter(f"{service} is not one of {', '.join(_SIGNING)}", param_hint="SERVICE")
    private_key, prefix = new_private_key(), service.upper()
    settings = {f"{prefix}_SIGNING_KEY": private_key, f"{prefix}_VERIFY_KEYS": Signer(private_key).public_key}
    if as_json:
        print_json(settings)
        return
    for name, value in settings.items():
        typer.echo(f"{name}={value}")
