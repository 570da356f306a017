"""A person's commands: judged again where they are committed, by the session and the role as they are there."""

import pytest

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
from tests.examples import ORIGIN

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

    def commands(self, *, recent: bool = False, forces: bool = False) -> CommandHandler:
        digest = tokens.session_digest(self.session_id)
        assert digest is not None
        fence = SessionFence(
            digest=digest,
            organisation_id=self.organisation_id,
            time=lambda: self.clock.now().timestamp(),
            recent=recent,
            forces=forces,
        )
        return self.keys.commands.behind(fence)

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
