"""Creation: makes keys, one or many in one append with one receipt: ids, secrets and encrypted texts, then the events.

Of many, all are made or none; then each that may not be is named, with what is wrong with it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy import Connection

from services.keys.commands.checks import Checks
from services.keys.commands.command_inputs import CreatedKeys, ImportRequest, KeyRequest, public_part
from services.keys.commands.lifetime_checks import on_present_lifetimes
from services.keys.commands.network_checks import NetworkDirectory, UnknownNetworks, check_known
from services.keys.encryption import data_keys
from services.keys.encryption.description import Description, new_data_key, seal
from services.keys.events import KeyEvent
from services.keys.lifecycle import commands, decision, key
from services.keys.lifecycle.commands import NewSecret
from services.keys.lifecycle.lifetimes import UNLIMITED, Lifetimes
from services.keys.revocation.receipts import Receipts
from services.keys.secret import Secret, new_secret
from services.keys.views.as_of import view_of
from services.keys.views.known_digests import KnownDigests
from services.keys.views.projection import project_created
from services.keys.views.queries import KeyView
from shared.eventsourcing.decision import Executed
from shared.eventsourcing.origin import Origin
from shared.eventsourcing.repository import Repository
from shared.gate.authentication.credential import hint_of_digest
from shared.runtime.clock import Clock
from shared.values.identifiers import new_id


class KeysRefused(Exception):
    """None was made. `refusals`: place in the request → what `decide` or a check raised for it."""

    def __init__(self, refusals: Mapping[int, Exception]) -> None:
        self.refusals = dict(refusals)
        super().__init__(f"{len(refusals)} of the keys may not be made")


class DigestKnown(Exception):
    """A key has this secret, or had it once; whose it is, is not said."""

    def __init__(self) -> None:
        super().__init__("a key has or had this secret: let the other system make a new one")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A key that is not made yet. `secret` None: another system made it. `says_when`: it expires, or never does, by its
    request's own word.
    """

    command: commands.CreateKey
    description: Description
    secret: Secret | None
    data_key: str = field(repr=False)
    says_when: bool


class Creation:
    def __init__(
        self,
        keys: Repository[key.Key | None, KeyEvent, Connection],
        receipts: Receipts,
        networks: NetworkDirectory,
        clock: Clock,
        known_digests: KnownDigests,
    ) -> None:
        self._keys, self._receipts, self._networks, self._clock = keys, receipts, networks, clock
        self._known_digests = known_digests

    def drafted(self, organisation_id: str, requests: Sequence[KeyRequest]) -> tuple[Draft, ...]:
        """Raises KeysRefused for what can be judged before the log is locked, and NetworksAway."""
        drafts = tuple(_draft(organisation_id, request) for request in requests)
        known: Collection[str] = ()
        if any(draft.command.networks for draft in drafts):
            known = self._networks.networks_of(organisation_id).keys()
        refusals: dict[int, Exception] = {}
        for at, draft in enumerate(drafts):
            try:
                check_known(None, draft.command, known)
                decision.decide(None, draft.command, self._clock.now())
            except (UnknownNetworks, decision.AdminOfNetworks) as refusal:
                refusals[at] = refusal
        first: dict[str, int] = {}
        refusals |= {
            at: DigestKnown()
            for at, draft in enumerate(drafts)
            if first.setdefault(draft.command.digest, at) != at and at not in refusals
        }
        if refusals:
            raise KeysRefused(refusals)
        return drafts

    def make(
        self, drafts: Sequence[Draft], origin: Origin, checks: Checks, *, beyond_limit: bool = False
    ) -> CreatedKeys:
        """Returns once every gate knows the keys, or after a second. Raises TooManyKeys or KeysRefused."""

        def execute(lifetimes: Lifetimes | None) -> tuple[Executed[key.Key | None], ...]:
            now = self._clock.now()
            events = {
                draft.command.key_id: decision.decide(
                    None, replace(draft.command, lifetimes=None if draft.says_when else lifetimes), now
                )
                for draft in drafts
            }

            def also(tx: Connection) -> None:
                if not beyond_limit:
                    self._check(tx, drafts, [_folded(of_one) for of_one in events.values()], checks, lifetimes)
                data_keys.keep(tx, {draft.command.key_id: draft.data_key for draft in drafts})
                checks.kept(" ".join(draft.command.key_id for draft in drafts))(tx)

            decided = {key_id: partial(_as_decided, of_one) for key_id, of_one in events.items()}
            return keys.execute_each(decided, origin, are_new=True, fence=checks.before, also=also)

        descriptions = {draft.command.key_id: draft.description for draft in drafts}
        keys = self._keys.projecting(partial(project_created, descriptions))
        if any(draft.secret is None for draft in drafts):
            self._known_digests.catch_up()
        is_said = beyond_limit or all(draft.says_when for draft in drafts)
        executed = execute(None) if is_said else on_present_lifetimes(execute)
        receipt = self._receipts.known(*executed)
        keys_made = (self._made(draft, one, origin) for draft, one in zip(drafts, executed, strict=True))
        made = tuple(zip(keys_made, (draft.secret for draft in drafts), strict=True))
        return CreatedKeys(made=made, receipt=receipt)

    def _made(self, draft: Draft, executed: Executed[key.Key | None], origin: Origin) -> KeyView:
        """Without reading it again. It lives no longer than its organisation allows, or is an operator's."""
        assert executed.state is not None  # noqa: S101  it was made here
        return view_of(executed.state, draft.description, origin.actor, None, UNLIMITED, self._clock.now())

    def _check(
        self,
        tx: Connection,
        drafts: Sequence[Draft],
        keys: Sequence[key.Key],
        checks: Checks,
        lifetimes: Lifetimes | None,
    ) -> None:
        """Checks them all before the first is appended: others wait for the log meanwhile. Raises KeysRefused."""
        imported = {draft.command.digest: at for at, draft in enumerate(drafts) if draft.secret is None}
        known = self._known_digests.note(tx, imported) if imported else ()
        refused: dict[int, Exception] = {imported[digest]: DigestKnown() for digest in known}
        if refusals := checks.created(keys, lifetimes, tx, refused):
            raise KeysRefused(refusals)


def _draft(organisation_id: str, request: KeyRequest) -> Draft:
    data_key = new_data_key()
    if isinstance(request, ImportRequest):
        secret, public = None, NewSecret(digest=request.digest, hint=hint_of_digest(request.digest))
    else:
        secret = new_secret()
        public = public_part(secret)
    command = commands.CreateKey(
        key_id=new_id("key"),
        organisation_id=organisation_id,
        digest=public.digest,
        hint=public.hint,
        words=seal(request.description, data_key),
        permissions=request.permissions,
        **key.settings(request),
    )
    says_when = request.never_expires or request.expires_at is not None
    return Draft(
        command=command, description=request.description, secret=secret, data_key=data_key, says_when=says_when
    )


def _folded(events: Sequence[KeyEvent]) -> key.Key:
    state: key.Key | None = None
    for event in events:
        state = key.evolve(state, event)
    if state is None:
        raise ValueError("a creation without an event")
    return state


def _as_decided(events: tuple[KeyEvent, ...], _state: key.Key | None) -> tuple[KeyEvent, ...]:
    return events
