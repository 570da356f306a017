"""Revoker: ends keys for good, and finds what they made, while the log is locked: nothing can be made in between.

A revocation is decided under the lock also so that whoever changes a key all the time cannot keep it waiting.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from services.keys import tables
from services.keys.commands.checks import Checks
from services.keys.commands.command_inputs import Made, MadeQuery, Revocation
from services.keys.events import KeyEvent
from services.keys.lifecycle import commands, decision, key
from services.keys.revocation.receipts import Receipts
from services.keys.views import makings
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.sql.database import Database
from shared.sql.in_values import in_values

MADE_SINCE = timedelta(days=1)
MADE_MAX = 1_000


class Revoker:
    def __init__(
        self,
        database: Database,
        keys: Repository[key.Key | None, KeyEvent, Connection],
        receipts: Receipts,
        now: Callable[[], datetime],
    ) -> None:
        self._database, self._keys, self._receipts, self._now = database, keys, receipts, now

    def revoke(
        self,
        organisation_id: str,
        notes: Mapping[str, str | None],
        reason: key.Reason,
        query: MadeQuery,
        origin: Origin,
        checks: Checks,
        *,
        skips_deleted: bool = False,
    ) -> Revocation:
        """Revokes the keys that have notes (sealed, or None), and what they made if the query says so: all or none.

        Returns once no gate will accept them again. The revision seen is that of each key with a note.
        Raises NoSuchKey for one that is another organisation's, or, unless it `skips_deleted`, was deleted;
        and what the checks raise.
        """
        made = Made()

        def choose(tx: Connection) -> Sequence[str]:
            nonlocal made
            made, living = self._made(tx, notes, query)
            # Whoever asks for its own end does so last: nothing by a key lies behind the end of its power.
            ended = (*(living if query.revoke else ()), *notes)
            return sorted(ended, key=lambda key_id: key_id == origin.actor)

        def decide(state: key.Key | None) -> tuple[KeyEvent, ...]:
            revoked = key.own(state, organisation_id)
            if revoked.key_id in notes and revoked.deleted_at is None:
                checks.seen.check(revoked.revision)
            if skips_deleted and revoked.deleted_at is not None:
                return ()
            command = commands.RevokeKey(reason=reason, note=notes.get(revoked.key_id))
            return decision.decide(revoked, command, self._now())

        keep = checks.kept(" ".join(notes))
        executed = self._keys.execute_locked(
            choose, decide, origin, fence=checks.before, also=keep, check=checks.changed
        )
        return Revocation(receipt=self._receipts.certain(*executed), made=made)

    def told(self, key_ids: Collection[str], query: MadeQuery) -> Made:
        """What a revocation of these keys would tell."""
        with self._database.reading() as tx:
            return self._made(tx, key_ids, query)[0]

    def _made(self, tx: Connection, roots: Collection[str], query: MadeQuery) -> tuple[Made, tuple[str, ...]]:
        """What the keys made and renewed, without deleted ones; and what they made that is not revoked."""
        since = self._now() - MADE_SINCE if query.since is None else query.since
        found, is_complete = makings.find(tx, roots, since)
        if not found:
            return Made(), ()
        table = tables.api_key
        rows = tx.execute(select(table.c.id, table.c.revoked_at).where(in_values(tx, table.c.id, found))).all()
        revoked_at = {row.id: row.revoked_at for row in rows}
        # Those that are revoked come last: they are left out first.
        kept = sorted((key_id for key_id in found if key_id in revoked_at), key=lambda key_id: revoked_at[key_id] or "")
        ids = tuple(kept[:MADE_MAX])
        living = tuple(key_id for key_id in ids if not revoked_at[key_id])
        made = Made(
            ids=ids,
            renewed=tuple(key_id for key_id in living if not found[key_id]),
            is_complete=is_complete and len(kept) <= MADE_MAX,
        )
        return made, tuple(key_id for key_id in living if found[key_id])
