"""`grillo whoami`: the key of the environment, as the server knows it."""

from services.cli.arguments import AsJson
from services.cli.output import print_json, print_members
from services.cli.remote.client import Client


def whoami(as_json: AsJson = False) -> None:
    """Show the calling key: whose it is, what it may do, when it ends."""
    own = Client().get("/v1/keys/self")
    print_json(own) if as_json else print_members(own)
