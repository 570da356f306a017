"""Random lives of keys: folded key, list row, the past at every revision and the grant at a gate always agree."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from services.auth.tier_limits import TIERS
from services.keys import assembly
from services.keys.commands.command_inputs import KeyEdit, KeyRequest
from services.keys.encryption.description import Description
from services.keys.lifecycle.decision import AdminOfNetworks, KeyHasExpired, KeyIsRevoked, RegenerationRequired
from services.keys.lifecycle.key import Access, NoSuchKey, Reason, Status
from services.keys.lifecycle.organisation import ChangeSettings, TooManyKeys
from services.keys.views.queries import KeyView
from shared.contracts.envelope import CloudEvent
from shared.eventsourcing.audit import audit
from shared.gate.authentication.credential import Presented, digest_of
from shared.gate.grants.grant import REPLACED_MAX, Snapshot
from shared.gate.grants.grants import Grants
from shared.gate.grants.replica import GrantsFollower
from shared.gate.verdict import Refusal, judge
from shared.replication.subscription import Subscription
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.values.permissions import PERMISSIONS
from tests.examples import NOON, ORIGIN
from tests.service_database import migrated

permissions = st.lists(st.sampled_from(PERMISSIONS), min_size=1, unique=True).map(lambda some: tuple(sorted(some)))
expiries = st.none() | st.integers(1, 40).map(lambda hours: timedelta(hours=hours))
KEYS_MAX = 3
REFUSALS = (NoSuchKey, KeyIsRevoked, KeyHasExpired, RegenerationRequired, AdminOfNetworks, TooManyKeys)
ANSWERS = {
    Status.ACTIVE: None,
    Status.SUSPENDED: Refusal.KEY_SUSPENDED,
    Status.EXPIRED: Refusal.KEY_EXPIRED,
    Status.REVOKED: Refusal.KEY_REVOKED,
}


class _Sensors:
    def networks_of(self, organisation_id: str) -> dict[str, str]:
        return {"net_1": "North", "net_2": "South"}


class NoBus:
    def publish(self, events: Sequence[CloudEvent]) -> int:
        raise AssertionError("nothing is relayed here")


@dataclass
class Known:
    """A key by what its owner knows: secrets, newest last, and how it looked after each change."""

    id: str
    secrets: list[str]
    seen: dict[int, KeyView] = field(default_factory=dict)
    deleted: bool = False


class Lives(RuleBasedStateMachine):
    keys = Bundle("keys")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = ManualClock(NOON)
        database = migrated(Database.sqlite(self.folder / "keys.db"), assembly.MIGRATIONS)
        self.service = assembly.assemble(database, NoBus(), self.clock, lease_seconds=1, networks=_Sensors())
        self.organisation_id = self.service.commands.organisations.register("Railway", "free", ORIGIN)
        self.known: list[Known] = []
        request = KeyRequest(description=Description(name="used"), permissions=("admin",))
        self.teller = self.service.commands.create(self.organisation_id, request, ORIGIN).key_id
        empty = Snapshot(place=None, grants=(), tiers={}, policy=TIERS)
        self.grants = Grants()
        self.grants.load(empty)
        follower = GrantsFollower(self.grants, lambda: empty, distrust=lambda: None)
        self.subscription = Subscription(self.service.feed, follower, self.clock)

    def teardown(self) -> None:
        assert audit(self.service.store).findings == ()
        self.service.database.close()
        shutil.rmtree(self.folder)

    @initialize(target=keys)
    def begin(self) -> Any:
        return self.create((PERMISSIONS[0],), timedelta(hours=20))

    @precondition(lambda self: len(self.known) < KEYS_MAX)
    @rule(target=keys, permissions=permissions, life=expiries)
    def create(self, permissions: tuple[str, ...], life: timedelta | None) -> Any:
        expires_at = None if life is None else self.clock.now() + life
        request = KeyRequest(description=Description(name="key"), permissions=permissions, expires_at=expires_at)
        try:
            created = self.service.commands.create(self.organisation_id, request, ORIGIN)
        except TooManyKeys:
            return multiple()
        self.known.append(Known(created.key_id, [created.secret.value]))
        return self.known[-1]

    @rule(known=keys, name=st.sampled_from("abc"), permissions=st.none() | permissions, regenerate=st.booleans())
    def edit(self, known: Known, name: str, permissions: tuple[str, ...] | None, regenerate: bool) -> None:
        words = _named(name)
        self._edit(known, KeyEdit(description=words, permissions=permissions, regenerate=regenerate))

    @rule(known=keys, networks=st.sampled_from([None, ("net_1",), ("net_1", "net_2")]), regenerate=st.booleans())
    def change_networks(self, known: Known, networks: tuple[str, ...] | None, regenerate: bool) -> None:
        before = self.grants.by_digest(digest_of(known.secrets[-1]))
        self._edit(known, KeyEdit(access=lambda access: replace(access, networks=networks), regenerate=regenerate))
        after = self.grants.by_digest(digest_of(known.secrets[-1]))
        if before is not None and after is not None and before.digest == after.digest:
            gained = before.networks is not None and (after.networks is None or not before.opens(after.networks))
            assert not gained, "a secret gained networks"

    @rule(known=keys, life=expiries, minute=st.none() | st.integers(1, 60), regenerate=st.booleans())
    def change_access(self, known: Known, life: timedelta | None, minute: int | None, regenerate: bool) -> None:
        expires_at = None if life is None else self.clock.now() + life

        def access(before: Access) -> Access:
            return replace(before, expires_at=expires_at, minute_limit=minute, allow_query=not before.allow_query)

        self._edit(known, KeyEdit(access=access, regenerate=regenerate))

    @rule(known=keys, grace=st.integers(0, 30).map(lambda hours: timedelta(hours=hours)))
    def rotate(self, known: Known, grace: timedelta) -> None:
        had_ended = self._answer(known.secrets[-1]) is Refusal.KEY_EXPIRED
        with contextlib.suppress(*REFUSALS):
            rotated = self.service.commands.rotate(self.organisation_id, known.id, grace, ORIGIN)
            self.subscription.pull()
            assert not had_ended or self._answer(known.secrets[-1]) is Refusal.KEY_ROTATED, "an old secret woke"
            known.secrets.append(rotated.secret.value)

    @rule(known=keys, grace=st.sampled_from([timedelta(), timedelta(hours=30)]))
    def renew(self, known: Known, grace: timedelta) -> None:
        """As after an expiry: a life that lasts, then another secret."""
        self.change_access(known, timedelta(hours=40), None, regenerate=True)
        self.rotate(known, grace)

    @rule(known=keys, wanted=st.booleans())
    def suspend_or_resume(self, known: Known, wanted: bool) -> None:
        commands = self.service.commands
        with contextlib.suppress(*REFUSALS):
            (commands.suspend if wanted else commands.resume)(self.organisation_id, known.id, ORIGIN)

    @rule(known=keys)
    def revoke(self, known: Known) -> None:
        with contextlib.suppress(NoSuchKey):
            self.service.commands.revoke(self.organisation_id, known.id, Reason.SUPERSEDED, "a note", ORIGIN)

    @rule(known=consumes(keys))
    def delete(self, known: Known) -> None:
        self.service.commands.delete(self.organisation_id, known.id, ORIGIN)
        known.deleted = True

    @rule(hours=st.integers(0, 30), is_timer_there=st.booleans())
    def time_passes(self, hours: int, is_timer_there: bool) -> None:
        self.clock.advance(hours * 3600)
        if is_timer_there:
            self.service.sweep.run()
            assert self.service.sweep.run() == 0

    @rule(known=keys)
    def nobody_uses_any_for_long(self, known: Known) -> None:
        """The organisation lets unused keys expire; that another key was used tells that uses are told."""
        with contextlib.suppress(*REFUSALS):
            self._edit(known, KeyEdit(access=lambda access: replace(access, expires_at=None)))
        self.service.commands.organisations.change_settings(
            self.organisation_id, ChangeSettings(unused_expiry_days=14), ORIGIN
        )
        for _ in range(3):
            self.clock.advance(8 * 86_400)
            self.service.last_use.record({self.teller: self.clock.now()})
            self.service.sweep.run()

    @invariant()
    def all_agree(self) -> None:
        self.subscription.pull()
        self.clock.advance(0.001)  # commands of one moment are a microsecond apart
        for known in self.known:
            self._agrees(known)

    def _agrees(self, known: Known) -> None:
        now = self.clock.now()
        try:
            shown = self.service.queries.get_key(self.organisation_id, known.id)
        except NoSuchKey:
            assert known.deleted
            assert {self._answer(secret) for secret in known.secrets} == {Refusal.INVALID_KEY}
            return
        assert not known.deleted
        assert self.service.as_of.at(self.organisation_id, known.id, now, now).key == shown
        known.seen.setdefault(shown.revision, shown)
        for revision, seen in known.seen.items():
            then = self.service.as_of.at_revision(self.organisation_id, known.id, revision).key
            # Right after the change the secret before may have had its grace still; it was looked at later.
            assert replace(then, previous_hint=seen.previous_hint) == seen
        *older, newest = known.secrets
        assert self._answer(newest) is ANSWERS[shown.status]
        grant = self.grants.by_id(known.id)
        assert grant is not None
        # Beside those, the one before, from when it got a grace to the next rotation.
        told = REPLACED_MAX + (grant.previous_digest is not None)
        for age, secret in enumerate(reversed(older)):
            in_grace = age == 0 and shown.grace_until is not None and now < shown.grace_until
            is_told = in_grace or shown.status is Status.REVOKED
            right = ANSWERS[shown.status] if is_told else Refusal.KEY_ROTATED
            assert self._answer(secret) is (right if age < told else Refusal.INVALID_KEY)
        assert (grant.permissions, grant.expires_at, grant.allow_query, grant.minute_limit, grant.networks) == (
            frozenset(shown.permissions),
            shown.expires_at,
            shown.allow_query,
            shown.minute_limit,
            None if shown.networks is None else frozenset(shown.networks),
        )

    def _answer(self, secret: str) -> Refusal | None:
        request = Presented(authorization=f"Bearer {secret}", query_keys=(), address="192.0.2.7")
        return judge(request, None, self.grants, self.clock.now().timestamp()).refusal

    def _edit(self, known: Known, edit: KeyEdit) -> None:
        with contextlib.suppress(*REFUSALS):
            edited = self.service.commands.edit(self.organisation_id, known.id, edit, ORIGIN)
            if edited.secret is not None:
                known.secrets.append(edited.secret.value)


def _named(name: str) -> Callable[[Description], Description]:
    return lambda words: replace(words, name=name)


TestLives = Lives.TestCase
TestLives.settings = settings(
    max_examples=50,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if phase is not Phase.explain],  # which traces each line, for minutes
)
