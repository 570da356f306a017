"""Links and sessions: a link signs in once, a session is kept as a digest, and what is over stays over."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from services.keys import assembly, tables
from services.keys.assembly import Keys
from services.keys.console.sessions.people import ERASED
from services.keys.console.sessions.sign_in import LINK_LIFE, SignIn
from services.keys.revocation.session_fence import IDLE_MAX, LENGTH_MAX, Role
from shared.runtime.clock import ManualClock
from shared.sql.database import Database
from shared.sql.time_limits import TimeLimits
from tests.e2e.running import eventually
from tests.examples import SECRET, NoBus
from tests.servers import Postgres

FROM = {"address": "192.0.2.7", "user_agent": "Firefox"}


def test_a_link_signs_in_once(sign_in: SignIn, organisation_id: str) -> None:
    link = sign_in.new_link(organisation_id, Role.OWNER)
    session_id = sign_in.use_link(link, **FROM)
    assert session_id is not None
    session = sign_in.session(session_id)
    assert session is not None
    assert (session.organisation_id, session.role) == (organisation_id, Role.OWNER)
    assert session.person_id.startswith("usr_")
    assert sign_in.use_link(link, **FROM) is None


def test_of_two_who_open_it_at_once_one_signs_in(sign_in: SignIn, organisation_id: str) -> None:
    for _ in range(5):
        link = sign_in.new_link(organisation_id, Role.OWNER)
        with ThreadPoolExecutor(2) as pool:
            opened = list(pool.map(lambda _: sign_in.use_link(link, **FROM), range(2)))  # noqa: B023
        assert sum(session_id is not None for session_id in opened) == 1


def test_a_link_is_good_for_ten_minutes(sign_in: SignIn, organisation_id: str, clock: ManualClock) -> None:
    first, second = (sign_in.new_link(organisation_id, Role.OWNER) for _ in range(2))
    clock.advance(LINK_LIFE.total_seconds() - 1)
    assert sign_in.use_link(first, **FROM) is not None
    clock.advance(1)
    assert sign_in.use_link(second, **FROM) is None


def test_what_a_clock_that_was_ahead_made_is_good_for_no_longer(
    sign_in: SignIn, organisation_id: str, clock: ManualClock
) -> None:
    clock.set_by(timedelta(days=100))
    link, used = (sign_in.new_link(organisation_id, Role.OWNER) for _ in range(2))
    session_id = sign_in.use_link(used, **FROM)
    session = sign_in.session(session_id)
    assert session is not None
    clock.set_by(-timedelta(days=100))
    assert sign_in.use_link(link, **FROM) is None
    assert sign_in.session(session_id) is None
    assert sign_in.sessions_of(session.person_id) == ()


def test_a_browser_that_calls_itself_by_a_key_is_not_kept_so(sign_in: SignIn, organisation_id: str) -> None:
    link = sign_in.new_link(organisation_id, Role.OWNER)
    session = sign_in.session(sign_in.use_link(link, address="192.0.2.7", user_agent=f"x {SECRET}"))
    assert session is not None
    (listed,) = sign_in.sessions_of(session.person_id)
    assert listed.user_agent == "x grl_[redacted]"


def test_nothing_that_was_given_out_is_stored(sign_in: SignIn, keys: Keys, organisation_id: str) -> None:
    link = sign_in.new_link(organisation_id, Role.OWNER)
    session_id = sign_in.use_link(link, **FROM)
    with keys.database.reading() as tx:
        rows = [
            repr(tuple(row))
            for table in (tables.console_link, tables.console_session, tables.console_person)
            for row in tx.execute(select(table)).all()
        ]
    assert len(rows) == 3
    assert not any(str(session_id) in row or link in row for row in rows)


def test_a_session_ends_when_idle_and_after_a_week(sign_in: SignIn, organisation_id: str, clock: ManualClock) -> None:
    session_id = sign_in.use_link(sign_in.new_link(organisation_id, Role.OWNER), **FROM)
    assert session_id is not None
    began = clock.now()
    while clock.now() < began + LENGTH_MAX:
        assert sign_in.session(session_id) is not None
        clock.advance(IDLE_MAX.total_seconds() / 2)
    assert sign_in.session(session_id) is None

    another = sign_in.use_link(sign_in.new_link(organisation_id, Role.OWNER), **FROM)
    assert another is not None
    clock.advance(IDLE_MAX.total_seconds())
    assert sign_in.session(another) is None


def test_signing_in_ends_the_session_before(sign_in: SignIn, organisation_id: str) -> None:
    first = sign_in.use_link(sign_in.new_link(organisation_id, Role.OWNER), **FROM)
    second = sign_in.use_link(sign_in.new_link(organisation_id, Role.OWNER), **FROM, before=first)
    assert first != second
    assert sign_in.session(first) is None
    assert sign_in.session(second) is not None


def test_sessions_are_listed_and_ended_one_by_one_or_all(sign_in: SignIn, organisation_id: str) -> None:
    ids = [sign_in.use_link(sign_in.new_link(organisation_id, Role.OWNER, "Ben"), **FROM) for _ in range(3)]
    mine = sign_in.session(ids[0])
    assert mine is not None
    listed = sign_in.sessions_of(mine.person_id)
    assert [(each.address, each.user_agent) for each in listed] == [("192.0.2.7", "Firefox")] * 3

    another = sign_in.use_link(sign_in.new_link(organisation_id, Role.OWNER, name="Anna"), **FROM)
    theirs = sign_in.session(another)
    assert theirs is not None
    sign_in.end(theirs.person_id, listed[0].id)  # not one's own: stays
    assert len(sign_in.sessions_of(mine.person_id)) == 3
    sign_in.end(mine.person_id, listed[0].id)
    assert len(sign_in.sessions_of(mine.person_id)) == 2
    sign_in.end_all(mine.person_id)
    assert [sign_in.session(each) for each in ids] == [None] * 3
    assert sign_in.session(another) is not None


def test_a_link_gives_its_person_the_role_that_it_says(sign_in: SignIn, organisation_id: str) -> None:
    session_id = sign_in.use_link(sign_in.new_link(organisation_id, Role.ADMIN, name="Anna"), **FROM)
    sign_in.new_link(organisation_id, Role.USER, name="Anna")
    session = sign_in.session(session_id)
    assert session is not None
    assert session.role is Role.USER


def test_a_person_s_name_can_be_erased(sign_in: SignIn, keys: Keys, organisation_id: str) -> None:
    session_id = sign_in.use_link(sign_in.new_link(organisation_id, Role.ADMIN, name="Anna"), **FROM)
    session = sign_in.session(session_id)
    assert session is not None
    sign_in.erase(session.person_id)
    assert sign_in.session(session_id) is None
    with keys.database.reading() as tx:
        person = tx.execute(select(tables.console_person)).one()
    assert (person.id, person.name) == (session.person_id, "")


def test_links_without_a_name_are_for_one_person_each(sign_in: SignIn, organisation_id: str) -> None:
    ids = [sign_in.use_link(sign_in.new_link(organisation_id, Role.OWNER), **FROM) for _ in range(2)]
    one, other = (sign_in.session(each) for each in ids)
    assert one is not None
    assert other is not None
    assert one.person_id != other.person_id
    sign_in.end_all(one.person_id)
    assert sign_in.session(ids[1]) is not None


def test_whom_an_unused_link_was_made_for_is_forgotten_with_it(
    sign_in: SignIn, keys: Keys, organisation_id: str, clock: ManualClock
) -> None:
    used, named = (sign_in.new_link(organisation_id, Role.OWNER, name) for name in ("", "Anna"))
    sign_in.use_link(used, **FROM)
    for _ in range(3):
        sign_in.new_link(organisation_id, Role.OWNER)
    assert people(keys) == 5
    clock.advance(LINK_LIFE.total_seconds())
    assert sign_in.use_link(named, **FROM) is None
    sign_in.new_link(organisation_id, Role.OWNER)
    assert people(keys) == 3, "who signed in, who has a name, and the new one"


def people(keys: Keys) -> int:
    with keys.database.reading() as tx:
        return len(tx.execute(select(tables.console_person)).all())


class TestOnTwoConnections:
    """On PostgreSQL two write at once: each locks the person first, so that neither waits for the other."""

    @pytest.fixture
    def url(self, postgres: Postgres) -> str:
        return postgres.new_database()

    @pytest.fixture
    def keys(self, url: str, clock: ManualClock) -> Iterator[Keys]:
        database = Database(url)
        yield assembly.assemble(database, NoBus(), clock, lease_seconds=1)
        database.close()

    @pytest.fixture
    def other(self, url: str, keys: Keys, clock: ManualClock) -> Iterator[SignIn]:
        """Gives up soon where it must wait."""
        database = Database(url, TimeLimits(lock_seconds=0.1))
        yield SignIn(database, clock)
        database.close()

    def test_a_link_is_used_with_the_person_locked(
        self, keys: Keys, sign_in: SignIn, other: SignIn, organisation_id: str
    ) -> None:
        link = sign_in.new_link(organisation_id, Role.OWNER, "Anna")
        with keys.database.transaction() as tx:
            tx.execute(select(tables.console_person.c.id).with_for_update(read=True))
            with pytest.raises(OperationalError, match="lock timeout"):
                other.use_link(link, **FROM)
        assert other.use_link(link, **FROM) is not None

    def test_who_is_being_erased_gets_no_role_back(
        self, url: str, keys: Keys, sign_in: SignIn, clock: ManualClock, organisation_id: str
    ) -> None:
        sign_in.new_link(organisation_id, Role.ADMIN, "Anna")
        second = Database(url)
        with ThreadPoolExecutor(1) as pool:
            with keys.database.transaction() as tx:
                tx.execute(update(tables.console_person).values(name="", role=ERASED))
                linked = pool.submit(SignIn(second, clock).new_link, organisation_id, Role.OWNER, "Anna")
                eventually(lambda: is_waited_for(keys.database), bool)
            assert linked.result()
        second.close()
        with keys.database.reading() as tx:
            found = sorted((row.name, row.role) for row in tx.execute(select(tables.console_person)))
        assert found == [("", ERASED), ("Anna", Role.OWNER)]

    def test_what_is_over_is_swept_past_rows_that_others_hold(
        self, keys: Keys, sign_in: SignIn, other: SignIn, organisation_id: str, clock: ManualClock
    ) -> None:
        session_id = sign_in.use_link(sign_in.new_link(organisation_id, Role.OWNER), **FROM)
        sign_in.new_link(organisation_id, Role.OWNER, "Anna")
        clock.advance(LENGTH_MAX.total_seconds())
        with keys.database.transaction() as tx:
            for table in (tables.console_link, tables.console_session):
                tx.execute(select(table).with_for_update())
            assert other.use_link(other.new_link(organisation_id, Role.OWNER, "Ben"), **FROM) is not None
        assert sign_in.session(session_id) is None


def is_waited_for(database: Database) -> bool:
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with database.reading() as tx:
        return tx.execute(text(waiting)).first() is not None
