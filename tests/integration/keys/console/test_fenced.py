"""A person's commands: judged again where they are committed, by the session and the role as they are there."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Delete, Update, delete, select, update
from sqlalchemy.exc import OperationalError

from services.keys import assembly, tables
from services.keys.assembly import Keys
from services.keys.commands.command_handler import CommandHandler
from services.keys.commands.command_inputs import CreatedKey, KeyRequest
from services.keys.console.sessions import tokens
from services.keys.console.sessions.sign_in import SignIn
from services.keys.encryption.description import Description
from services.keys.lifecycle.key import Reason
from services.keys.lifecycle.lock_out import LockOut
from services.keys.revocation.session_fence import (
    RECENT,
    Role,
    Session,
    SessionFence,
    SessionFenced,
    SessionRefusal,
)
from shared.eventsourcing.origin import Origin
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.idempotency_table import Keep
from shared.sql.time_limits import TimeLimits
from tests.examples import ORIGIN, NoBus
from tests.servers import Postgres

ADMIN = KeyRequest(description=Description(name="admin"), permissions=("admin",))


class Person:
    def __init__(self, keys: Keys, sign_in: SignIn, clock: ManualClock, organisation_id: str) -> None:
        self.keys, self.sign_in, self.clock, self.organisation_id = keys, sign_in, clock, organisation_id
        link = sign_in.new_link(organisation_id, Role.ADMIN, name="Anna")
        session_id = sign_in.use_link(link, address="192.0.2.7", user_agent="")
        assert session_id is not None
        self.session_id = session_id
        session = sign_in.session(session_id)
        assert session is not None
        self.session: Session = session
        self.origin = Origin(actor=session.person_id)

    def commands(self, *, recent: bool = False, forces: bool = False, keep: Keep | None = None) -> CommandHandler:
        digest = tokens.session_digest(self.session_id)
        assert digest is not None
        fence = SessionFence(
            digest=digest,
            organisation_id=self.organisation_id,
            time=lambda: self.clock.now().timestamp(),
            recent=recent,
            forces=forces,
        )
        return self.keys.commands.behind(fence, keep=keep)

    def create(self) -> CreatedKey:
        return self.commands().create(self.organisation_id, ADMIN, self.origin)


@pytest.fixture
def person(keys: Keys, sign_in: SignIn, clock: ManualClock, organisation_id: str) -> Person:
    return Person(keys, sign_in, clock, organisation_id)


def head_position(person: Person) -> int:
    with person.keys.store.reading() as tx:
        return person.keys.store.head(tx).position


def refusal(person: Person, *, recent: bool = False) -> SessionRefusal:
    before = head_position(person)
    with pytest.raises(SessionFenced) as refused:
        person.commands(recent=recent).create(person.organisation_id, ADMIN, person.origin)
    assert head_position(person) == before
    return refused.value.refusal


def test_the_log_names_the_person(person: Person) -> None:
    created = person.create()
    (entry,) = person.keys.history.of_key(person.organisation_id, created.key_id)
    assert entry.actor == person.session.person_id
    assert person.keys.queries.get_key(person.organisation_id, created.key_id).created_by == person.session.person_id


def test_a_session_that_ended_meanwhile_commits_nothing(person: Person) -> None:
    person.sign_in.end_all(person.session.person_id)
    assert refusal(person) is SessionRefusal.ENDED


def test_nor_does_a_role_that_was_lost_meanwhile(person: Person) -> None:
    person.sign_in.new_link(person.organisation_id, Role.USER, name="Anna")
    assert refusal(person) is SessionRefusal.ROLE


def test_nor_what_asks_for_a_recent_sign_in_later_on(person: Person, clock: ManualClock) -> None:
    clock.advance(RECENT.total_seconds())
    assert refusal(person, recent=True) is SessionRefusal.NOT_RECENT
    assert person.create()


def test_a_person_s_session_reaches_no_other_organisation(person: Person, keys: Keys) -> None:
    other = keys.commands.organisations.register("Others", "standard", ORIGIN)
    fenced = Person(keys, person.sign_in, person.clock, person.organisation_id)
    fenced.organisation_id = other
    assert refusal(fenced) is SessionRefusal.ENDED


def test_the_last_admin_key_is_kept_unless_forced(person: Person) -> None:
    created = person.create()
    ask = (person.organisation_id, created.key_id, Reason.UNSPECIFIED, None, person.origin)
    with pytest.raises(LockOut):
        person.commands().revoke(*ask)
    assert person.commands(forces=True).revoke(*ask).receipt.propagated


Ending = Callable[[SignIn, Person], object]
ENDINGS: dict[str, Ending] = {
    "session ended": lambda sign_in, person: sign_in.end(person.session.person_id, person.session.id),
    "all sessions ended": lambda sign_in, person: sign_in.end_all(person.session.person_id),
    "person erased": lambda sign_in, person: sign_in.erase(person.session.person_id),
    "role changed": lambda sign_in, person: sign_in.new_link(person.organisation_id, Role.USER, name="Anna"),
}


class TestOnTwoConnections:
    """On PostgreSQL others write while a command holds the log. Whoever must wait for a lock gives up soon."""

    @pytest.fixture
    def url(self, postgres: Postgres) -> str:
        return postgres.new_database()

    @pytest.fixture
    def keys(self, url: str, clock: ManualClock) -> Iterator[Keys]:
        database = Database(url, TimeLimits(lock_seconds=0.1))
        yield assembly.assemble(database, NoBus(), clock, lease_seconds=1)
        database.close()

    @pytest.fixture
    def other(self, url: str, keys: Keys) -> Iterator[Database]:
        database = Database(url, TimeLimits(lock_seconds=0.1))
        yield database
        database.close()

    @pytest.mark.parametrize("how", ENDINGS)
    def test_an_ending_waits_for_the_command_that_passed_the_fence(
        self, person: Person, other: Database, clock: ManualClock, how: str
    ) -> None:
        kept: list[str] = []

        def end_meanwhile(tx: Connection, subject: str) -> None:
            with pytest.raises(OperationalError, match="lock timeout"):
                ENDINGS[how](SignIn(other, clock), person)
            kept.append(subject)

        created = person.commands(keep=end_meanwhile).create(person.organisation_id, ADMIN, person.origin)
        assert kept == [created.key_id]
        ENDINGS[how](SignIn(other, clock), person)
        refusal(person)

    @pytest.mark.parametrize(
        "statement",
        [
            delete(tables.console_session),
            update(tables.console_person).values(role=Role.USER),
        ],
        ids=["session", "role"],
    )
    def test_a_command_waits_for_the_ending_that_came_first(
        self, person: Person, other: Database, statement: Delete | Update
    ) -> None:
        before = head_position(person)
        with other.transaction() as tx:
            tx.execute(statement)
            with pytest.raises(OperationalError, match="lock timeout"):
                person.create()
        assert head_position(person) == before
        refusal(person)

    def test_ending_all_sessions_locks_the_person_first(
        self, person: Person, other: Database, clock: ManualClock
    ) -> None:
        """As the fence does: of two who lock the same rows in another order each could wait for the other."""
        with person.keys.database.transaction() as tx:
            tx.execute(select(tables.console_person.c.id).with_for_update(read=True))
            with pytest.raises(OperationalError, match="lock timeout"):
                SignIn(other, clock).end_all(person.session.person_id)
