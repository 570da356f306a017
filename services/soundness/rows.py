"""What the rows of a data folder's databases say of themselves and of one another: chains, checksums, ages.

Of databases with this release's schema: one that an earlier release left is looked at once it is migrated.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Protocol

from sqlalchemy import Connection, MetaData

from services.auth.assembly import SENSORS_WITNESS
from services.auth.integrity.dead_secret_rows import damaged_dead_secrets
from services.auth.integrity.grant_rows import damaged_grants
from services.auth.integrity.tier_rows import damaged_tiers
from services.keys.revocation.follower_places import read_follower_places
from services.sensors.arrival.accounts import offered
from services.service_registry import SERVICES
from shared.eventsourcing.audit import Anchor, Audit, Finding, audit
from shared.eventsourcing.sql_event_store import SqlEventStore
from shared.replication.checkpoints import CheckpointDamaged, read_checkpoint
from shared.replication.divergence.divergence_watch import MarkDamaged, recorded
from shared.replication.divergence.signed_restoration import is_signed_by
from shared.replication.heads.checked_heads import forged
from shared.replication.heads.head_keeper import gone_from, witnessed
from shared.replication.heads.heads_file import HeadsOfLog
from shared.replication.kept_heads import anchor_of, signed_head
from shared.replication.proof.published_signers import read_public_keys
from shared.replication.sql_follower import read_anchors
from shared.sql import migrations
from shared.sql.database import Database

SENSORS_PUT_BACK = gone_from(SENSORS_WITNESS)
Found = tuple[str, str]  # the service, and what is wrong with its database


class Elsewhere(Protocol):
    def __call__(self, log: str, public_keys: Mapping[str, str]) -> HeadsOfLog:
        """The heads of a log that were kept apart. `public_keys`: of its service, thumbprint → base64."""
        ...


def nowhere(log: str, public_keys: Mapping[str, str]) -> HeadsOfLog:
    return HeadsOfLog(anchors=(), findings=(), lines=0, gaps=0)


def audits(
    databases: Mapping[str, Database], elsewhere: Elsewhere = nowhere, *, rows_max: int | None = None
) -> dict[str, Audit]:
    """Each log against itself and what others remember of it. `rows_max`: its last rows alone."""
    return {
        name: audit_log(name, databases[name], tuple(_anchors(name, databases)), elsewhere, rows_max)
        for name, service in SERVICES.items()
        if service.has_log and name in databases
    }


def audit_log(
    name: str,
    database: Database,
    anchors: tuple[Anchor, ...],
    elsewhere: Elsewhere = nowhere,
    rows_max: int | None = None,
) -> Audit:
    """One log. The signatures of all heads are checked, too."""
    tables = SERVICES[name].module("tables")
    with database.reading() as tx:
        public_keys = read_public_keys(tx, tables.signing_key)
        marked, damaged = _marked(tx, tables.metadata)
    kept, anchors = elsewhere(name, public_keys), (*anchors, *marked)
    store, places = SqlEventStore(database, tables.metadata), (*anchors, *kept.anchors)
    found = audit(store, places, lambda restored: is_signed_by(restored, public_keys), rows_max=rows_max)
    gone = samples_gone(database, places) if name == "sensors" else ()
    return found.with_findings((*damaged, *forged(anchors, public_keys), *kept.findings, *gone))


def _marked(tx: Connection, metadata: MetaData) -> tuple[tuple[Anchor, ...], tuple[Finding, ...]]:
    """The head by which a follower showed that the log was put back: a gate's is kept nowhere else. Or its damage."""
    try:
        shown = recorded(tx, metadata)
    except MarkDamaged as damaged:
        return (), (Finding(position=0, problem=str(damaged)),)
    if shown is None:
        return (), ()
    told_by = "a gate or follower" if shown.told_by is None else f"a gate or follower of {shown.told_by}"
    return (anchor_of(told_by, shown.held),), ()


def samples_gone(sensors: Database, places: Iterable[Anchor]) -> Iterator[Finding]:
    """Recordings are no events: a database put back to after the last event lacks samples that it was offered."""
    with sensors.reading(once=True) as tx:
        now = offered(tx)
    gone = SENSORS_PUT_BACK
    told = [place for place in places if place.offered is not None and (place.offered > now or place.follower == gone)]
    if told:
        last = max(told, key=lambda place: place.signed_at)
        problem = f"{last.follower} knows of samples offered after it, until {last.signed_at}, that are gone"
        yield Finding(position=last.checkpoint.position, problem=problem)


def damaged_rows(databases: Mapping[str, Database]) -> Iterator[Found]:
    """Rows that give or take power, and do not match their checksums."""
    for name, follower in _followers():
        if (database := databases.get(name)) is None:
            continue
        with database.reading(unlimited=True) as tx:
            try:
                read_checkpoint(tx, SERVICES[name].module("tables").checkpoint, follower)
            except CheckpointDamaged as damaged:
                yield name, str(damaged)
            if name == "auth":
                for key_id in sorted(damaged_grants(tx)):
                    yield name, f"the grant of {key_id} does not match its checksum"
                for organisation_id in sorted(damaged_tiers(tx)):
                    yield name, f"the tier of {organisation_id} does not match its checksum"
                if secrets := damaged_dead_secrets(tx):
                    yield name, f"{len(secrets)} rows of secrets that were ended do not match their checksums"


def gone(databases: Mapping[str, Database], left_out: Container[str]) -> Iterator[Found]:
    """Logs whose databases are not there, though another database remembers them. `left_out`: as of `ages`."""
    for name, service in SERVICES.items():
        if not service.has_log or name in databases or name in left_out:
            continue
        if remembered := [anchor.checkpoint.position for anchor in _anchors(name, databases)]:
            yield name, f"it is missing, and its log was known up to position {max(remembered)}"


def ages(databases: Mapping[str, Database], left_out: Container[str]) -> Iterator[Found]:
    """Followers' databases that were put back to before what keys was told of them, or are gone.

    `left_out`: services whose databases are there, but cannot be read yet.
    """
    if "keys" in databases:
        found = put_back_alone(databases["keys"], tuple(_anchors("keys", databases)))
        yield from ((name, what) for name, what in found if name not in left_out)


def put_back_alone(keys: Database, anchors: tuple[Anchor, ...]) -> Iterator[Found]:
    """Followers that do not know any more what they had told keys that they hold. `anchors`: all that they know."""
    with keys.reading(once=True) as tx:
        places = read_follower_places(tx)
    for name, follower in _followers():
        held = (signed_head(anchor) for anchor in anchors if anchor.follower == follower and anchor.signature)
        if (place := places.get(follower)) is not None and (lost := place.lost_by(held)) is not None:
            yield name, put_back(name, *lost)


def put_back(service: str, since: str, until: str) -> str:
    """What is said of a follower's database from which something is gone. `since`: "" is the beginning."""
    what = f"it was put back: of what it had until {until}, it knows nothing after {since or 'its beginning'}"
    return f"{what}; what it counted between the two is gone" if service == "usage" else what


def is_current(name: str, database: Database) -> bool:
    """Whether the schema is this release's."""
    return migrations.is_current(database, SERVICES[name].migrations)


def _anchors(log: str, databases: Mapping[str, Database]) -> Iterator[Anchor]:
    """What those remember who follow the log of keys, and who keeps the heads of sensors, in databases of their own."""
    followers = _followers() if log == "keys" else (("auth", SENSORS_WITNESS),)
    for name, follower in followers:
        if (database := databases.get(name)) is None:
            continue
        metadata = SERVICES[name].module("tables").metadata
        with database.reading() as tx:
            if log == "keys":
                yield from read_anchors(tx, metadata, follower)
            else:
                yield from witnessed(tx, metadata.tables["kept_head"], follower)


def _followers() -> tuple[tuple[str, str], ...]:
    return tuple((name, service.assembly.FOLLOWER) for name, service in SERVICES.items() if service.follows_keys)
