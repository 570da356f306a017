"""What the console's pages are made of: keys' commands and queries, who is signed in, and where the rest is asked."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.lock_out_preview import LockOutPreview
from services.keys.console.openid.issuer_sign_in import IssuerSignIn
from services.keys.console.pages.asked_usage import AskedUsage
from services.keys.console.pages.key_usage import KeyUsage
from services.keys.console.pages.network_names import NetworkNames
from services.keys.console.pages.networks.network_states import NetworkStates
from services.keys.console.pages.system.system_state import WatchedSystem
from services.keys.console.sessions import tokens
from services.keys.console.sessions.sign_in import SignIn
from services.keys.lifecycle.key import KEY_PREFIX
from services.keys.lifecycle.lifetimes import Lifetimes
from services.keys.revocation.session_fence import Session, SessionFence
from services.keys.views.as_of import AsOf
from services.keys.views.history import History
from services.keys.views.listing.key_filter import KeyFilter
from services.keys.views.organisation_history import OrganisationHistory
from services.keys.views.organisations.key_overview import KeyOverview
from services.keys.views.queries import KeyQueries, KeyView, OrganisationView
from shared.eventsourcing.origin import Origin
from shared.gate.grants.grant import Limits, limits_by
from shared.observability import trace_context
from shared.runtime.clock import Clock
from shared.sql.idempotency_table import Keep
from shared.values.revision import ANY_REVISION, SeenRevisions
from shared.web.conditions.idempotency import Idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`tiers`: the limits of each. `usage`, `sensors` None: there is nobody to ask. `issuer` None: by links alone.

    `system`: who sees how the services are; None: nobody.
    """

    commands: CommandHandler
    lock_outs: LockOutPreview
    queries: KeyQueries
    history: History
    organisation_history: OrganisationHistory
    overview: Callable[..., KeyOverview]
    as_of: AsOf
    idempotency: Idempotency
    sign_in: SignIn
    clock: Clock
    tiers: Mapping[str, Limits]
    usage: KeyUsage | None
    networks: NetworkNames
    public_url: str
    issuer: IssuerSignIn | None = None
    sensors: NetworkStates | None = None
    system: WatchedSystem | None = None

    def asked_usage(self) -> AskedUsage:
        """Of one page."""
        return AskedUsage(self.usage, self.clock)

    def limits_of(self, key: KeyView, organisation: OrganisationView) -> Limits | None:
        """Those in force: the lower of the key's own and its tier's. None: the tier is not known."""
        limits = limits_by(organisation.tier, organisation.contract, self.tiers)
        return limits and limits.lowered(key.minute_limit, key.day_limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of a person who is signed in. `organisation`: as it was when the request came."""

    parts: Parts
    session: Session
    session_id: str = field(repr=False)
    organisation: OrganisationView
    address: str
    request_id: str

    @property
    def organisation_id(self) -> str:
        return self.session.organisation_id

    @property
    def runs_the_system(self) -> bool:
        return self.parts.system is not None and self.organisation_id in self.parts.system.operators

    @property
    def origin(self) -> Origin:
        traceparent = trace_context.current.get()
        return Origin(actor=self.session.person_id, request_id=self.request_id, traceparent=traceparent)

    def commands(
        self,
        *,
        recent: bool = False,
        forces: bool = False,
        seen: SeenRevisions = ANY_REVISION,
        keep: Keep | None = None,
    ) -> CommandHandler:
        """Keys' commands, asked for by this session, which is judged once more where they are committed."""
        clock = self.parts.clock
        fence = SessionFence(
            digest=tokens.session_digest(self.session_id) or "",
            organisation_id=self.organisation_id,
            time=lambda: clock.now().timestamp(),
            recent=recent,
            forces=forces,
        )
        return self.parts.commands.behind(fence, seen, keep)

    def lifetimes(self) -> Lifetimes:
        of = self.organisation
        return Lifetimes(max_days=of.lifetime_max_days, default_days=of.lifetime_default_days)

    def names(self, actors: Collection[str]) -> dict[str, str]:
        """Who did something → name, of people and of keys that are still there."""
        keys = tuple(actor for actor in actors if actor.startswith(KEY_PREFIX))
        names = self.parts.sign_in.names(actors)
        if keys:
            found = self.parts.queries.all_keys(self.organisation_id, KeyFilter(ids=keys))
            names |= {key.id: key.name for key in found}
        return names

    def network_names(self) -> Mapping[str, str] | None:
        """Id → name of each of the organisation's networks; None: they cannot be asked now."""
        return self.parts.networks.of(self.organisation_id)

    def limits_of(self, key: KeyView) -> Limits | None:
        return self.parts.limits_of(key, self.organisation)

    def tier_limits(self) -> Limits | None:
        return limits_by(self.organisation.tier, self.organisation.contract, self.parts.tiers)
