"""Memories of those who follow the log of keys: the heads that they kept, and what they know to be dead.

Of a data folder read from their files, and else asked for at their internal doors.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from services.cli.failure import Failure
from services.cli.host.databases import require_current
from services.service_registry import SERVICES

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.keys.restoring.look import Memories
    from shared.eventsourcing.audit import Anchor

FOLLOWERS = ("auth", "usage")
_PAGE = 1000
_SECONDS_MAX = 30.0
Ask = Callable[[str, str, str | None], Any]  # (follower, "dead" or "seen", after) → one page of that


def of_folder(data: Path, without: frozenset[str], *, changes: bool) -> "Memories":
    """`changes`: whether the databases may be brought up to date. Raises Failure."""
    from services.auth.dead_secrets.dead_secret_store import page
    from services.auth.grants import seen_page as seen_by_auth
    from services.embedded.data_folder import DataFolder, DataFolderUnusable
    from services.usage.known_keys.directory import seen_page as seen_by_usage
    from services.usage.retention.erasure import deleted_page
    from shared.replication.sql_follower import read_anchors
    from shared.sql.migrations import migrate

    pages: dict[str, dict[str, Callable[[Connection, str | None, int], Any]]] = {
        "auth": {"dead": page, "seen": seen_by_auth},
        "usage": {"dead": deleted_page, "seen": seen_by_usage},
    }
    asked, folder = [name for name in FOLLOWERS if name not in without], DataFolder(data)
    try:
        databases = {name: folder.existing_database(name, to_read=not changes) for name in asked}
    except DataFolderUnusable as error:
        raise Failure(f"{error} If it is lost, leave it out: --without auth, --without usage.") from None
    anchors: list[Anchor] = []
    for name, database in databases.items():
        service = SERVICES[name]
        if changes:
            migrate(database, service.migrations)  # one of an earlier release has not all that is asked for
        else:
            require_current(name, database)
        with database.reading() as tx:
            anchors += read_anchors(tx, service.module("tables").metadata, service.assembly.FOLLOWER)

    def ask(name: str, what: str, after: str | None) -> Any:
        with databases[name].reading() as tx:
            return pages[name][what](tx, after, _PAGE)

    return _memories(anchors, ask, without)


def of_services(without: frozenset[str]) -> "Memories":
    """AUTH_INTERNAL_URL and USAGE_INTERNAL_URL are asked, as the service keys. Raises Failure."""
    from shared.contracts.dead import DeadSecrets, DeletedKeys
    from shared.contracts.seen import SeenKeys
    from shared.replication.feed import FeedUnavailable
    from shared.replication.http_feed import remote_anchors
    from shared.replication.internal_client import InternalClient
    from shared.settings import read_settings

    settings = read_settings()
    urls = {"auth": settings.auth_internal_url, "usage": settings.usage_internal_url}
    clients = {name: InternalClient(urls[name], settings.internal_token) for name in FOLLOWERS if name not in without}
    dead: dict[str, Any] = {"auth": DeadSecrets, "usage": DeletedKeys}

    def ask(name: str, what: str, after: str | None) -> Any:
        query = {"limit": str(_PAGE)} | ({} if after is None else {"after": after})
        shape = dead[name] if what == "dead" else SeenKeys
        return msgspec.json.decode(clients[name].get(f"/internal/{what}", query, _SECONDS_MAX), type=shape)

    try:
        anchors = [anchor for client in clients.values() for anchor in remote_anchors(client)]
        return _memories(anchors, ask, without)
    except (FeedUnavailable, msgspec.DecodeError) as error:
        raise Failure(
            f"a follower does not say what it remembers: {error}. Start it; or if it is lost for good, leave it out: "
            "--without auth, --without usage."
        ) from None


def _memories(anchors: "list[Anchor]", ask: Ask, without: frozenset[str]) -> "Memories":
    from services.keys.restoring.endings import known_dead
    from services.keys.restoring.look import Memories
    from shared.replication.kept_heads import signed_head

    secrets = [secret for page in _pages("auth", "dead", ask, without) for secret in page.secrets]
    deleted = [key.key_id for page in _pages("usage", "dead", ask, without) for key in page.keys]
    seen = tuple(key for name in FOLLOWERS for page in _pages(name, "seen", ask, without) for key in page.keys)
    held = tuple((anchor.follower, signed_head(anchor)) for anchor in anchors if anchor.signature)
    return Memories(held=held, known=known_dead(secrets, deleted), seen=seen)


def _pages(name: str, what: str, ask: Ask, without: frozenset[str]) -> Iterator[Any]:
    """Of what is dead: DeadSecrets of auth, DeletedKeys of usage. Of what was seen: SeenKeys."""
    after: str | None = None
    while name not in without:
        page = ask(name, what, after)
        yield page
        if page.next is None:
            return
        after = page.next
