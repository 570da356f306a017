"""Memories of those who follow the log of keys: the heads that they kept, and what they know to be dead.

Of a data folder read from their files, and else asked for at their internal doors.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from services.cli.failure import Failure
from services.service_registry import SERVICES

if TYPE_CHECKING:
    from services.keys.restoring.endings import KnownDead
    from services.keys.restoring.follower_losses import Held
    from shared.eventsourcing.audit import Anchor

FOLLOWERS = ("auth", "usage")
_PAGE = 1000
_SECONDS_MAX = 30.0
Ask = Callable[[str, str | None], Any]  # (follower, after) → one page of what it knows to be dead


@dataclass(frozen=True, slots=True, kw_only=True)
class Memories:
    """`held`: signed heads, by follower. `known`: what is dead, as far as those who were asked know."""

    held: "tuple[Held, ...]"
    known: "KnownDead"


def of_folder(data: Path, without: frozenset[str]) -> Memories:
    """Raises Failure."""
    from services.auth.dead_secrets.dead_secret_store import page
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from services.usage.retention.erasure import deleted_page
    from shared.replication.sql_follower import read_anchors
    from shared.sql.migrations import migrate

    folder, pages = DataFolder(data), {"auth": page, "usage": deleted_page}
    try:
        databases = {name: folder.existing_database(name) for name in FOLLOWERS if name not in without}
    except DataFolderUnusable as error:
        raise Failure(f"{error} If it is lost, leave it out: --without auth, --without usage.") from None
    anchors: list[Anchor] = []
    for name, database in databases.items():
        service = SERVICES[name]
        migrate(database, service.migrations)  # one of an earlier release has not all that is asked for
        with database.reading() as tx:
            anchors += read_anchors(tx, service.module("tables").metadata, service.assembly.FOLLOWER)

    def ask(name: str, after: str | None) -> Any:
        with databases[name].reading() as tx:
            return pages[name](tx, after, _PAGE)

    return _memories(anchors, ask, without)


def of_services(without: frozenset[str]) -> Memories:
    """AUTH_INTERNAL_URL and USAGE_INTERNAL_URL are asked, as the service keys. Raises Failure."""
    from shared.contracts.dead import DeadSecrets, DeletedKeys
    from shared.replication.feed import FeedUnavailable
    from shared.replication.http_feed import remote_anchors
    from shared.replication.internal_client import InternalClient
    from shared.settings import read_settings

    settings = read_settings()
    urls = {"auth": settings.auth_internal_url, "usage": settings.usage_internal_url}
    clients = {name: InternalClient(urls[name], settings.internal_token) for name in FOLLOWERS if name not in without}
    shapes: dict[str, Any] = {"auth": DeadSecrets, "usage": DeletedKeys}

    def ask(name: str, after: str | None) -> Any:
        query = {"limit": str(_PAGE)} | ({} if after is None else {"after": after})
        return msgspec.json.decode(clients[name].get("/internal/dead", query, _SECONDS_MAX), type=shapes[name])

    try:
        anchors = [anchor for client in clients.values() for anchor in remote_anchors(client)]
        return _memories(anchors, ask, without)
    except (FeedUnavailable, msgspec.DecodeError) as error:
        raise Failure(
            f"a follower does not say what it remembers: {error}. Start it; or if it is lost for good, leave it out: "
            "--without auth, --without usage."
        ) from None


def _memories(anchors: "list[Anchor]", ask: Ask, without: frozenset[str]) -> Memories:
    from services.keys.restoring.endings import known_dead
    from shared.replication.kept_heads import signed_head

    secrets = [secret for page in _pages("auth", ask, without) for secret in page.secrets]
    deleted = [key.key_id for page in _pages("usage", ask, without) for key in page.keys]
    held = tuple((anchor.follower, signed_head(anchor)) for anchor in anchors if anchor.signature)
    return Memories(held=held, known=known_dead(secrets, deleted))


def _pages(name: str, ask: Ask, without: frozenset[str]) -> Iterator[Any]:
    """DeadSecrets of auth, DeletedKeys of usage."""
    after: str | None = None
    while name not in without:
        page = ask(name, after)
        yield page
        if page.next is None:
            return
        after = page.next
