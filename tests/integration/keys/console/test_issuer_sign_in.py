"""Sign-in by an issuer: who is believed, as whom, and every lie that is not."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sqlalchemy import func, select

from services.keys import tables
from services.keys.assembly import Keys
from services.keys.console.openid import issuer_sign_in, provider
from services.keys.console.openid.bounded_http import AT_ONCE_MAX, BoundedHttp, IssuerAway
from services.keys.console.openid.identity import ClaimRules, Identity
from services.keys.console.openid.pending_sign_ins import LIFE, PENDING_MAX_AN_ADDRESS, PendingSignIn
from services.keys.console.openid.provider import FAULT_KEPT_SECONDS, KEPT_SECONDS, NEW_KEYS_EVERY_SECONDS
from services.keys.console.openid.settings import OpenIdSettings
from services.keys.console.sessions.sign_in import SignIn
from services.keys.revocation.session_fence import RECENT, Role
from shared.runtime.clock import ManualClock
from tests.examples import NOON
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.lying_issuer import (
    CLIENT_ID,
    CLIENT_SECRET,
    Claims,
    Issuer,
    by_another_key,
    by_our_own_secret,
    new_key,
    running,
    unsigned,
)
from tests.integration.keys.console.scene import Console, create, sign_out_form

BEGIN = "/console/openid"
ANNA: Claims = {"sub": "anna", "name": "Anna Rossi", "email": "anna@example.org", "org": "rail", "groups": ["admins"]}


@pytest.fixture
def issuer(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """One that is as quick as the machine allows: it is waited for longer than a busy one takes."""
    monkeypatch.setattr(provider, "SECONDS_MAX", 60.0)
    monkeypatch.setattr(issuer_sign_in, "TOKEN_SECONDS_MAX", 60.0)
    with running(Issuer(clock, person=dict(ANNA))) as serving:
        yield serving


@pytest.fixture
def settings(console: Console, issuer: Issuer) -> OpenIdSettings:
    organisations = {"rail": console.organisation_id, "gone": "org_gone"}
    roles = {"owners": Role.OWNER, "admins": Role.ADMIN, "staff": Role.USER}
    rules = ClaimRules(organisation_claim="org", organisations=organisations, role_claim="groups", roles=roles)
    return OpenIdSettings(
        issuer=issuer.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, scopes="openid profile", rules=rules
    )


@pytest.fixture
def browser(console: Console, settings: OpenIdSettings) -> Browser:
    return Browser(console.at("http://127.0.0.1:8000", openid=settings))


def begin(browser: Browser, path: str = BEGIN) -> str:
    """Where the browser is sent."""
    answer = browser.get(path)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def sign_in(browser: Browser, issuer: Issuer, path: str = BEGIN) -> Any:
    return browser.get(issuer.authorize(begin(browser, path)))


def is_signed_in(browser: Browser) -> bool:
    return bool(browser.get("/console/keys").status_code == 200)


def test_whom_the_issuer_knows_is_signed_in_with_the_role_that_it_says(
    browser: Browser, issuer: Issuer, console: Console
) -> None:
    assert urlsplit(issuer.url).netloc in browser.get("/console/sign-in").text
    answer = sign_in(browser, issuer)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/keys")
    page = browser.get("/console/keys").text
    assert "Anna Rossi" in page
    assert "Administrator" in page
    create(browser)
    (person,) = people(console.keys)
    assert console.keys.queries.list_keys(console.organisation_id, 1).keys[0].created_by == person.id
    assert (person.subject, person.address, person.role) == ("anna", "anna@example.org", Role.ADMIN)


def test_the_issuer_is_asked_by_the_code_flow_with_pkce_state_and_nonce(browser: Browser, issuer: Issuer) -> None:
    first, second = (dict(parse_qsl(urlsplit(begin(browser)).query)) for _ in range(2))
    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256"
    assert first["redirect_uri"] == "http://127.0.0.1:8000/console/openid/callback"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]
    assert not {"prompt", "max_age"} & set(first)


def test_two_tabs_may_sign_in(browser: Browser, issuer: Issuer) -> None:
    one, other = begin(browser), begin(browser)
    assert browser.get(issuer.authorize(one)).status_code == 303
    assert browser.get(issuer.authorize(other)).status_code == 303
    assert is_signed_in(browser)


def at(seconds: float) -> int:
    return int(NOON.timestamp() + seconds)


LIES: dict[str, Callable[[Claims], Claims]] = {
    "the nonce of another sign-in": lambda claims: claims | {"nonce": "another"},
    "no nonce": lambda claims: _without(claims, "nonce"),
    "for another client": lambda claims: claims | {"aud": "another"},
    "for another client that says we may use it": lambda claims: claims | {"aud": "another", "azp": CLIENT_ID},
    "for two clients, and another may use it": lambda claims: claims | {"aud": [CLIENT_ID, "other"], "azp": "other"},
    "for nobody": lambda claims: _without(claims, "aud"),
    "by another issuer": lambda claims: claims | {"iss": "https://issuer.example"},
    "by nobody": lambda claims: _without(claims, "iss"),
    "expired": lambda claims: claims | {"iat": at(-600), "exp": at(-300)},
    "without an end": lambda claims: _without(claims, "exp"),
    "with an end that is none": lambda claims: claims | {"exp": "never"},
    "issued tomorrow": lambda claims: claims | {"iat": at(86_400), "exp": at(90_000)},
    "not valid before tomorrow": lambda claims: claims | {"nbf": at(86_400)},
    "of nobody": lambda claims: _without(claims, "sub"),
    "of an empty subject": lambda claims: claims | {"sub": ""},
    "of a subject that is no text": lambda claims: claims | {"sub": ["anna"]},
    "with the hash of another access token": lambda claims: claims | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


def _without(claims: Claims, name: str) -> Claims:
    return {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_lies_signs_nobody_in(browser: Browser, issuer: Issuer, lie: str, console: Console) -> None:
    issuer.twist = LIES[lie]
    answer = sign_in(browser, issuer)
    assert answer.status_code == 403
    assert "is not believed" in answer.text
    assert not is_signed_in(browser)
    assert people(console.keys) == []


def garbled(issuer: Issuer, claims: Claims) -> str:
    return issuer.signed(claims)[:-4] + "AAAA"


@pytest.mark.parametrize(
    "sign", [unsigned, by_our_own_secret, by_another_key, garbled, lambda *_: "x.y", lambda *_: 7, lambda *_: None]
)
def test_nor_does_one_that_the_issuer_did_not_sign(
    browser: Browser, issuer: Issuer, sign: Callable[[Issuer, Claims], Any]
) -> None:
    issuer.sign = sign
    answer = sign_in(browser, issuer)
    assert answer.status_code == 403
    assert not is_signed_in(browser)


def test_what_a_browser_brings_back_is_good_once(browser: Browser, issuer: Issuer) -> None:
    back = issuer.authorize(begin(browser))
    assert browser.get(back).status_code == 303
    browser.cookies.pop("grillo_session")
    again = browser.get(back)
    assert again.status_code == 400
    assert "This sign-in is over" in again.text
    assert not is_signed_in(browser)


@pytest.mark.parametrize("passed", [LIFE, -timedelta(days=100)], ids=["over", "begun by a clock that was ahead"])
def test_and_for_ten_minutes(browser: Browser, issuer: Issuer, clock: ManualClock, passed: timedelta) -> None:
    back = issuer.authorize(begin(browser))
    clock.set_by(passed)
    assert browser.get(back).status_code == 400


def test_and_only_in_the_browser_that_began(browser: Browser, issuer: Issuer, console: Console) -> None:
    """Else somebody could sign others in as himself, and see what they do."""
    back = issuer.authorize(begin(browser))
    for cookies in ({}, {"grillo_pending": "A" * 43}, {"grillo_pending": ""}):
        browser.cookies, mine = cookies, browser.cookies
        assert browser.get(back).status_code == 400
        browser.cookies = mine
    assert browser.get(back).status_code == 303


def test_a_code_that_was_given_for_another_sign_in_is_none(browser: Browser, issuer: Issuer) -> None:
    stolen = dict(parse_qsl(urlsplit(issuer.authorize(begin(browser))).query))["code"]
    assert browser.get(issuer.authorize(begin(browser), code=stolen)).status_code == 403
    assert not is_signed_in(browser)


@pytest.mark.parametrize("brought", ["https://issuer.example", ""])
def test_an_answer_of_another_issuer_is_not_taken_for_ours(browser: Browser, issuer: Issuer, brought: str) -> None:
    assert browser.get(issuer.authorize(begin(browser), iss=brought)).status_code == 403
    assert "/token" not in issuer.asked


@pytest.mark.parametrize("query", ["", "state=x", "state=x&state=y", "code=%00&state=%00"])
def test_who_comes_back_without_having_been_sent_is_not_signed_in(browser: Browser, query: str) -> None:
    assert browser.get(f"{BEGIN}/callback?{query}").status_code == 400


def test_who_did_not_agree_is_told_so(browser: Browser, issuer: Issuer) -> None:
    refused = browser.get(issuer.authorize(begin(browser), error="access_denied", error_description="<script>"))
    assert refused.status_code == 403
    assert "You were not signed in" in refused.text
    assert "<script>" not in refused.text


@pytest.mark.parametrize(
    ("claims", "missing"),
    [
        ({"groups": ["other"]}, "groups"),
        ({"groups": None}, "groups"),
        ({"groups": {"admins": True}}, "groups"),
        ({"org": "elsewhere"}, "org"),
        ({"org": ["rail", "gone"]}, "org"),
        ({"org": "gone"}, "org"),
    ],
)
def test_who_is_given_no_organisation_or_role_is_told_what_is_missing_and_signed_out(
    browser: Browser, issuer: Issuer, console: Console, claims: Claims, missing: str
) -> None:
    sign_in(browser, issuer)
    before = dict(browser.cookies)
    issuer.person |= claims
    refused = sign_in(browser, issuer)
    assert refused.status_code == 403
    assert f"<code>{missing}</code>" in refused.text
    browser.cookies = before
    assert not is_signed_in(browser), "the session of before is over, too"
    (person,) = people(console.keys)
    assert person.refused_at is not None, "lists tell keys of whom nobody is behind any more"


def test_the_role_is_what_the_issuer_said_last(browser: Browser, issuer: Issuer, console: Console) -> None:
    sign_in(browser, issuer)
    issuer.person |= {"groups": ["staff"], "name": "Anna Bianchi"}
    sign_in(browser, issuer)
    (person,) = people(console.keys)
    assert (person.name, person.role) == ("Anna Bianchi", Role.USER)
    assert browser.get("/console/keys/new").status_code == 403


def test_a_name_that_the_issuer_says_gives_nobody_s_link(browser: Browser, issuer: Issuer, console: Console) -> None:
    """Else whoever calls himself as somebody else there would get the role of the next link."""
    sign_in(browser, issuer)
    console.link(Role.OWNER, "Anna Rossi")
    assert sorted(person.role for person in people(console.keys)) == [Role.ADMIN, Role.OWNER]


def test_who_is_erased_comes_back_as_somebody_new(browser: Browser, issuer: Issuer, console: Console) -> None:
    sign_in(browser, issuer)
    (person,) = people(console.keys)
    assert console.keys.sign_in.erase(person.id)
    assert not is_signed_in(browser)
    sign_in(browser, issuer)
    erased, back = sorted(people(console.keys), key=lambda each: each.name)
    assert (erased.id, erased.subject, erased.issuer) == (person.id, None, None)
    assert (back.name, back.subject) == ("Anna Rossi", "anna")


def test_claims_that_the_issuer_tells_apart_are_asked_for(browser: Browser, issuer: Issuer) -> None:
    issuer.person = {"sub": "anna"}
    issuer.user_info = ANNA | {"sub": "ben"}
    assert sign_in(browser, issuer).status_code == 403
    issuer.user_info = ANNA
    assert sign_in(browser, issuer).status_code == 303
    assert "Anna Rossi" in browser.get("/console/keys").text


def test_what_it_tells_apart_is_asked_for_where_the_name_alone_is_missing_and_may_fail_then(
    browser: Browser, issuer: Issuer, clock: ManualClock
) -> None:
    issuer.person = _without(ANNA, "name")
    issuer.user_info = {"sub": "anna", "name": "Anna Rossi", "groups": ["owners"]}
    assert sign_in(browser, issuer).status_code == 303
    page = browser.get("/console/keys").text
    assert "Anna Rossi" in page
    assert "Administrator" in page, "the token goes before what is told apart"
    issuer.said = {"userinfo_endpoint": "http://127.0.0.1:1/"}
    clock.advance(KEPT_SECONDS)
    assert sign_in(browser, issuer).status_code == 303


def test_a_key_that_the_issuer_signs_with_anew_is_learnt(browser: Browser, issuer: Issuer, clock: ManualClock) -> None:
    assert sign_in(browser, issuer).status_code == 303
    issuer.key = new_key("two")
    assert sign_in(browser, issuer).status_code == 403, "asked a moment ago"
    clock.advance(NEW_KEYS_EVERY_SECONDS)
    assert sign_in(browser, issuer).status_code == 303
    assert issuer.asked.count("/jwks") == 2
    assert issuer.asked.count("/.well-known/openid-configuration") == 1


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def fails(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(500)


def redirects(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "http://127.0.0.1:1/")
    handler.end_headers()


def writes(body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(body)

    return write


def never_ends(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        threading.Event().wait(0.05)


AWAY: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "hangs up": hangs_up,
    "fails": fails,
    "redirects": redirects,
    "answers no JSON": writes(b"<html>"),
    "answers a list": writes(b"[]"),
    "answers without end": writes(b" " * 1_000_000),
    "never ends": never_ends,
}


@pytest.mark.parametrize("how", AWAY)
def test_an_issuer_that_is_away_is_said_to_be_and_a_link_signs_in(
    browser: Browser,
    issuer: Issuer,
    console: Console,
    how: str,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer.answer = AWAY[how]
    with monkeypatch.context() as impatient:
        impatient.setattr(provider, "SECONDS_MAX", 0.2)
        told = browser.get(BEGIN)
    assert told.status_code == 503
    assert "cannot be used just now" in told.text
    assert "grillo console link" in told.text
    browser.sign_in(console.link())
    assert is_signed_in(browser)
    issuer.answer = None
    assert browser.get(BEGIN).status_code == 503, "a moment later it is not asked again"
    clock.advance(FAULT_KEPT_SECONDS)
    assert sign_in(browser, issuer).status_code == 303


def test_so_is_one_that_is_away_when_the_code_comes(browser: Browser, issuer: Issuer) -> None:
    back = issuer.authorize(begin(browser))
    issuer.answer = fails
    assert browser.get(back).status_code == 503
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://issuer.example"},
        {"token_endpoint": "http://issuer.example/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_what_an_issuer_says_of_itself_is_checked(browser: Browser, issuer: Issuer, said: Claims) -> None:
    issuer.said = said
    assert browser.get(BEGIN).status_code == 503


def test_what_it_says_of_itself_is_asked_for_again_in_time(
    browser: Browser, issuer: Issuer, clock: ManualClock
) -> None:
    begin(browser)
    clock.advance(KEPT_SECONDS)
    begin(browser)
    assert issuer.asked.count("/.well-known/openid-configuration") == 2


def test_what_is_grave_asks_the_issuer_to_ask_for_the_password(
    browser: Browser, issuer: Issuer, console: Console, clock: ManualClock
) -> None:
    sign_in(browser, issuer)
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/delete"
    refused = browser.submit(browser.get(path), path, name="Railway")
    assert refused.status_code == 403, "it did not say when it saw the password"
    assert 'href="/console/openid?again"' in refused.text
    asked = dict(parse_qsl(urlsplit(begin(browser, f"{BEGIN}?again")).query))
    assert (asked["prompt"], asked["max_age"]) == ("login", "3600")

    old = int((clock.now() - RECENT).timestamp())
    for seen in ({}, {"auth_time": old}, {"auth_time": "now"}):
        issuer.person = ANNA | seen
        assert sign_in(browser, issuer, f"{BEGIN}?again").status_code == 403
    issuer.person = ANNA | {"auth_time": int(clock.now().timestamp())}
    assert sign_in(browser, issuer, f"{BEGIN}?again").status_code == 303
    again = browser.submit(refused, path)
    assert dict(browser.form(again, path).fields)["name"] == "Railway"
    assert browser.submit(again, path).status_code == 200
    assert console.ids() == []


def test_a_time_ahead_of_ours_is_no_later_sign_in(
    browser: Browser, issuer: Issuer, console: Console, clock: ManualClock
) -> None:
    issuer.person = ANNA | {"auth_time": int((clock.now() + timedelta(days=365)).timestamp())}
    sign_in(browser, issuer)
    clock.advance(RECENT.total_seconds())
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/delete"
    assert browser.submit(browser.get(path), path, name="Railway").status_code == 403


def test_the_session_s_id_is_new_and_the_one_before_is_over(browser: Browser, issuer: Issuer, console: Console) -> None:
    browser.sign_in(console.link())
    before = browser.cookies["grillo_session"]
    sign_in(browser, issuer)
    assert browser.cookies["grillo_session"] != before
    browser.cookies["grillo_session"] = before
    assert not is_signed_in(browser)


def test_signing_out_ends_here_and_leads_to_the_issuer(browser: Browser, issuer: Issuer) -> None:
    sign_in(browser, issuer)
    answer = browser.post("/console/sign-out", sign_out_form(browser.get("/console/keys")))
    assert answer.headers["location"] == "/console/signed-out"
    sign_in(browser, issuer)
    everywhere = [*sign_out_form(browser.get("/console/keys")), ("session", "all")]
    assert browser.post("/console/sessions", everywhere).headers["location"] == "/console/signed-out"
    page = browser.get("/console/signed-out").text
    assert f'href="{issuer.url}/end?client_id=grillo+console"' in page
    assert not is_signed_in(browser)


def test_nothing_that_was_given_out_is_stored_or_shown(browser: Browser, issuer: Issuer, console: Console) -> None:
    begin(browser)
    begun = dict(parse_qsl(urlsplit(begin(browser)).query))
    sign_in(browser, issuer)
    given = [*issuer.given, begun["state"], begun["nonce"], browser.cookies["grillo_pending"], CLIENT_SECRET]
    kept = [file.read_bytes() for file in Path(console.keys.database.name).parent.iterdir()]
    assert not any(text.encode() in content for text in given for content in kept)
    assert not any(text in answer.text for text in given for answer in browser.seen)
    shown = repr(PendingSignIn(state="the-state", browser="the-cookie", is_again=False, begun_at=NOON))
    assert "the-" not in shown


def test_those_who_begin_and_never_end_are_forgotten(
    browser: Browser, issuer: Issuer, console: Console, clock: ManualClock
) -> None:
    back = []
    for _ in range(PENDING_MAX_AN_ADDRESS + 2):
        back.append(issuer.authorize(begin(browser)))
        clock.advance(1)
    with console.keys.database.reading() as tx:
        kept = tx.execute(select(func.count()).select_from(tables.console_pending)).scalar_one()
    assert kept == PENDING_MAX_AN_ADDRESS
    assert browser.get(back[0]).status_code == 400
    assert browser.get(back[-1]).status_code == 303


def test_a_picture_of_another_page_begins_nothing(browser: Browser, issuer: Issuer) -> None:
    assert browser.get(BEGIN, **{"Sec-Fetch-Mode": "no-cors"}).status_code == 403
    assert issuer.asked == []


def test_a_first_sign_in_twice_at_once_makes_one_person(sign_in: SignIn, keys: Keys, organisation_id: str) -> None:
    """On both databases."""
    identity = Identity(
        issuer="https://issuer.example",
        subject="anna",
        organisation_id=organisation_id,
        role=Role.ADMIN,
        name="Anna",
        address=None,
        time_zone="",
    )
    with ThreadPoolExecutor(4) as pool:
        told = {"address": "192.0.2.7", "user_agent": ""}
        opened = list(pool.map(lambda _: sign_in.use_identity(identity, None, **told), range(4)))
    assert len(set(opened)) == 4
    assert len(people(keys)) == 1


def people(keys: Keys) -> list[Any]:
    with keys.database.reading() as tx:
        return list(tx.execute(select(tables.console_person)).all())


def test_an_issuer_that_hangs_holds_few(issuer: Issuer) -> None:
    """Else it would hold every thread that shows pages."""
    asked, may_answer = threading.Semaphore(0), threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        asked.release()
        may_answer.wait(60)
        writes(b"{}")(handler)

    issuer.answer = hang
    http = BoundedHttp()
    with ThreadPoolExecutor(AT_ONCE_MAX) as pool:
        waiting = [pool.submit(http.get, issuer.url, 60) for _ in range(AT_ONCE_MAX)]
        for _ in waiting:
            asked.acquire()
        with pytest.raises(IssuerAway, match="too many"):
            http.get(issuer.url, 60)
        may_answer.set()
        assert [each.result() for each in waiting] == [{}] * AT_ONCE_MAX
    assert http.get(issuer.url, 60) == {}
