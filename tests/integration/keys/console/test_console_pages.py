"""The console over plain HTTP, as a browser without script uses it."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.keys import tables
from services.keys.commands.command_handler import CommandHandler
from services.keys.lifecycle.organisation import ChangeSettings
from services.keys.revocation.session_fence import RECENT, Role
from shared.runtime.clock import ManualClock
from tests.examples import ORIGIN
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import CREATE, REVIEW, SECRET, Console, create, secret_in, sign_out_form
from tests.integration.keys.console.usage_double import SCRIPT


def test_a_key_from_the_first_page_to_its_receipt(console: Console) -> None:
    browser = console.browser()
    assert "No API key yet" in browser.get("/console/keys").text
    shown = create(browser, name="Application Production", description="objectif", labels="env:prod")
    assert shown.status_code == 201
    assert shown.headers["cache-control"] == "no-store"
    secret = secret_in(shown)
    (key_id,) = console.ids()
    listed = browser.get("/console/keys").text
    assert "Application Production" in listed
    assert f"{secret[:8]}…{secret[-4:]}" in listed
    details = browser.get(f"/console/keys/{key_id}").text
    assert "env:prod" in details

    path = f"/console/keys/{key_id}/revoke"
    done = browser.submit(browser.get(path), path, reason="key-compromise", note="seen in a repository", force="on")
    assert done.status_code == 200
    assert "refused by" in done.text
    assert "grillo audit receipt" not in done.text, "nothing signs here"
    assert console.keys.queries.get_key(console.organisation_id, key_id).status == "revoked"


def test_in_french_with_the_words_of_the_product_s_page(console: Console) -> None:
    browser = console.browser(language="fr")
    assert "Créer une clé API" in browser.get("/console/keys").text
    form = browser.get("/console/keys/new").text
    for words in (
        "Lire les capteurs",
        "Lire les événements",
        "Écrire la configuration",
        "Accès API complet",
        "principe du moindre privilège",
    ):
        assert words in form
    assert "Clé API créée" in create(browser).text
    (key_id,) = console.ids()
    details = browser.get(f"/console/keys/{key_id}").text
    for words in (
        "Configuration complète",
        "Statistiques d’utilisation",
        "Journal d’activité",
        "Révoquer",
        "Supprimer",
    ):
        assert words in details, words
    path = f"/console/keys/{key_id}/revoke"
    asked = browser.get(path)
    assert "ne peut pas être annulé" in asked.text
    assert "refusée par 0 portail en" in browser.submit(asked, path).text


def test_the_secret_is_in_one_answer_whatever_is_done_after(console: Console) -> None:
    browser = console.browser()
    path = "/console/keys/new"
    review = browser.submit(browser.get(path), path, button=REVIEW, name="Railway", permissions=["sensors:read"])
    secret = secret_in(browser.submit(review, path, button=CREATE))
    again = browser.submit(review, path, button=CREATE)
    assert again.status_code == 409
    assert "already sent" in again.text
    (key_id,) = console.ids()
    for address in ("", f"/{key_id}", f"/{key_id}/edit", f"/{key_id}/rotate", f"/{key_id}/revoke"):
        browser.get(f"/console/keys{address}")
    shown = [answer for answer in browser.seen if secret in answer.text or secret in str(answer.headers)]
    assert len(shown) == 1
    files = Path(console.keys.database.name).parent.iterdir()
    assert not any(secret.encode() in file.read_bytes() for file in files)


def test_a_new_secret_is_made_once(console: Console) -> None:
    browser = console.browser()
    first = secret_in(create(browser))
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/rotate"
    asked = browser.get(path)
    second = secret_in(browser.submit(asked, path, grace="86400"))
    assert first != second
    assert browser.submit(asked, path, grace="86400").status_code == 409
    assert console.keys.queries.get_key(console.organisation_id, key_id).grace_until is not None


def test_a_key_that_became_admin_meanwhile_gets_no_new_secret_without_a_recent_sign_in(
    console: Console, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = console.browser(Role.ADMIN, name="Ben")
    create(ben)
    (key_id,) = console.ids()
    clock.advance(RECENT.total_seconds())
    anna = console.browser(name="Anna")
    rotate, secrets = CommandHandler.rotate, list[str]()

    def after_anna(*args: Any, **options: Any) -> Any:
        if not secrets:
            path = f"/console/keys/{key_id}/edit"
            asked = anna.submit(anna.get(path), path, permissions=["sensors:read", "admin"])
            secrets.append(secret_in(anna.submit(asked, path, regenerate="on")))
        return rotate(*args, **options)

    monkeypatch.setattr(CommandHandler, "rotate", after_anna)
    path = f"/console/keys/{key_id}/rotate"
    asked = ben.submit(ben.get(path), path, grace="3600")
    assert (asked.status_code, SECRET.search(asked.text)) == (409, None)
    assert "Somebody changed this key meanwhile" in asked.text
    assert dict(ben.form(asked, path).fields)["grace"] == "3600"
    assert ben.submit(asked, path).status_code == 403, "not a recent sign-in"


def test_faults_are_told_at_their_fields_and_nothing_typed_is_lost(console: Console) -> None:
    browser = console.browser()
    path = "/console/keys/new"
    answer = browser.submit(browser.get(path), path, button=REVIEW, name="Railway", description="kept", minute="x")
    assert answer.status_code == 422
    fields = dict(browser.form(answer).fields)
    assert (fields["name"], fields["description"], fields["minute"]) == ("Railway", "kept", "x")
    assert "Choose at least one permission" in answer.text
    assert "not above the limit of your tier" in answer.text
    assert console.ids() == []


def test_a_key_that_is_typed_or_linked_somewhere_is_not_repeated(console: Console) -> None:
    browser, path = console.browser(), "/console/keys/new"
    secret = secret_in(create(browser))
    (key_id,) = console.ids()
    revoke = f"/console/keys/{key_id}/revoke"
    answers = [
        browser.get(f"{path}?name={secret}"),
        browser.submit(browser.get(path), path, button=REVIEW, name=secret, description=f"see {secret}"),
        browser.submit(browser.get(revoke), revoke, note=f"was {secret}"),
        browser.get(f"/console/keys?q={secret}"),
        browser.get(f"/console/keys/{secret}"),
        browser.post(path, [("name", secret), ("csrf", "")]),
    ]
    browser.cookies.clear()
    answers.append(browser.post(path, [("name", secret)]))
    assert [answer.status_code for answer in answers] == [200, 422, 422, 200, 404, 200, 403]
    assert not any(secret in answer.text or secret in str(answer.headers) for answer in answers)


def test_a_key_that_is_pasted_into_any_field_is_in_no_answer(console: Console) -> None:
    browser = console.browser()
    secret = secret_in(create(browser))
    (key_id,) = console.ids()
    answers: list[Any] = []
    pages: dict[str, list[tuple[str, str] | None]] = {
        "/console/keys/new": [REVIEW, CREATE, ("step", "edit")],
        **{f"/console/keys/{key_id}/{verb}": [None] for verb in ("edit", "rotate", "suspend", "revoke", "delete")},
    }
    for path, buttons in pages.items():
        form = browser.get(path)
        fields = {name for name, _ in browser.form(form, path).fields} | {"permissions", "allow_query", "force"}
        for name, button in itertools.product(sorted(fields), buttons):
            filled = {} if path != "/console/keys/new" else {"name": "Railway", "permissions": ["sensors:read"]}
            if path.endswith("rotate"):
                filled = {"grace": "x"}  # asked again
            answer = browser.submit(form, path, button=button, **filled | {name: secret})
            answers.append((path, name, button, secret in answer.text or secret in str(answer.headers)))
    assert {"never_reason", "expires_on", "attempt"} <= {name for _, name, _, _ in answers}
    assert [told for *told, is_repeated in answers if is_repeated] == []


def test_an_expiry_beyond_what_the_organisation_allows_is_told_at_its_field(console: Console) -> None:
    settings = ChangeSettings(lifetime_max_days=30)
    console.keys.commands.organisations.change_settings(console.organisation_id, settings, ORIGIN)
    browser, path = console.browser(), "/console/keys/new"
    typed = {"name": "Railway", "permissions": ["sensors:read"], "expiry": "365"}
    refused = browser.submit(browser.get(path), path, button=REVIEW, **typed)
    assert refused.status_code == 422, "before it can be confirmed"
    assert "no later than your organisation allows" in refused.text
    review = browser.submit(refused, path, button=REVIEW, expiry="30")
    console.keys.commands.organisations.change_settings(
        console.organisation_id, ChangeSettings(lifetime_max_days=20), ORIGIN
    )
    refused = browser.submit(review, path, button=CREATE)
    assert (refused.status_code, console.ids()) == (422, []), "and if that changed meanwhile"
    console.keys.commands.organisations.change_settings(console.organisation_id, settings, ORIGIN)
    create(browser, expiry="30")
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/edit"
    refused = browser.submit(browser.get(path), path, expiry="90")
    assert refused.status_code == 422
    assert "no later than your organisation allows" in refused.text


def test_no_permission_is_ticked_at_first(console: Console) -> None:
    browser = console.browser()
    fields = browser.form(browser.get("/console/keys/new")).fields
    assert [pair for pair in fields if pair[0] in ("permissions", "allow_query")] == []
    assert ("expiry", "90") in fields


def test_a_link_from_outside_prefills_and_is_named(console: Console) -> None:
    browser = console.browser()
    page = browser.get("/console/keys/new?name=Quake&permissions=read:sensors&expires_in=2592000")
    fields = browser.form(page).fields
    assert {("name", "Quake"), ("permissions", "sensors:read"), ("expiry", "30")} <= set(fields)
    assert "A link filled in this form" in page.text
    assert console.ids() == []


def test_what_people_write_is_text_wherever_it_is_shown(console: Console) -> None:
    browser = console.browser()
    create(browser, name=SCRIPT, description=SCRIPT, labels=f"env:{SCRIPT}")
    (key_id,) = console.ids()
    for path in ("", f"/{key_id}", f"/{key_id}/edit", f"?q={SCRIPT}"):
        page = browser.get(f"/console/keys{path}")
        assert "&lt;script&gt;" in page.text
        assert "<script>" not in page.text
    assert all("default-src 'none'" in answer.headers["content-security-policy"] for answer in browser.seen)


def test_characters_that_no_database_takes_are_refused(console: Console) -> None:
    browser = console.browser()
    assert browser.get("/console/keys/key_%00").status_code == 404
    token = sign_out_form(browser.get("/console/keys"))
    assert browser.post("/console/sessions", [*token, ("session", "a\0b")]).status_code == 400
    assert browser.submit(browser.get("/console/keys/new"), "/console/keys/new", name="a\0b").status_code == 400


def test_a_form_from_elsewhere_changes_nothing(console: Console) -> None:
    browser = console.browser()
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/suspend"
    fields = browser.form(browser.get(path)).fields
    elsewhere: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ]
    for headers in elsewhere:
        assert browser.post(path, fields, **headers).status_code == 403
    forged = [(name, value) for name, value in fields if name != "csrf"]
    other = dict(browser.form(console.browser(name="Eve", role=Role.ADMIN).get(path)).fields)["csrf"]
    for token in ("", "0" * 128, other):
        assert browser.post(path, [*forged, ("csrf", token)]).status_code == 200  # asks again
    assert console.keys.queries.get_key(console.organisation_id, key_id).status == "active"
    assert browser.post(path, fields).status_code == 200
    assert console.keys.queries.get_key(console.organisation_id, key_id).status == "suspended"


def test_the_session_s_id_is_new_at_each_sign_in_and_none_can_be_fixed(console: Console) -> None:
    browser = Browser(console.app)
    browser.cookies["grillo_session"] = fixed = "A" * 43
    browser.sign_in(console.link())
    assert browser.cookies["grillo_session"] != fixed
    before = browser.cookies["grillo_session"]
    browser.sign_in(console.link())
    stolen = Browser(console.app)
    stolen.cookies["grillo_session"] = before
    assert stolen.get("/console/keys").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "A" * 43, "A" * 42, "é", "A" * 5000])
def test_a_cookie_that_is_none_of_ours_leads_to_the_sign_in_page(console: Console, cookie: str) -> None:
    browser = Browser(console.app)
    browser.cookies["grillo_session"] = cookie
    answer = browser.get("/console/keys")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")


def test_looking_at_a_link_does_not_use_it(console: Console) -> None:
    browser, link = Browser(console.app), console.link()
    for _ in range(3):
        assert browser.get(f"/console/link/{link}").status_code == 200
    browser.sign_in(link)
    again = Browser(console.app)
    answer = again.submit(again.get(f"/console/link/{link}"), "/console/sign-in")
    assert answer.status_code == 403
    assert again.cookies == {}


def test_the_cookie_is_bound_to_the_host_where_there_is_tls(console: Console) -> None:
    browser = Browser(console.at("https://grillo.example"))
    page = browser.get(f"/console/link/{console.link()}")
    answer = browser.submit(page, "/console/sign-in")
    assert re.fullmatch(
        r"__Host-grillo_session=\w{43}; HttpOnly; Max-Age=604800; Path=/; SameSite=Lax; Secure",
        answer.headers["set-cookie"],
    )
    assert browser.get("/console/keys").status_code == 200


def test_what_was_typed_survives_signing_in_again(console: Console) -> None:
    browser = console.browser()
    path = "/console/keys/new"
    form = browser.get(path)
    console.keys.sign_in.end_all(_person(console))
    refused = browser.submit(form, path, button=REVIEW, name="Railway", permissions=["events:read"])
    assert refused.status_code == 403
    browser.sign_in(console.link())
    again = browser.submit(refused, path)
    fields = browser.form(again).fields
    assert {("name", "Railway"), ("permissions", "events:read")} <= set(fields)
    assert secret_in(browser.submit(browser.submit(again, path, button=REVIEW), path, button=CREATE))


def test_a_user_sees_and_changes_nothing(console: Console) -> None:
    create(console.browser())
    (key_id,) = console.ids()
    user = console.browser(Role.USER)
    assert user.get(f"/console/keys/{key_id}").status_code == 200
    assert "/revoke" not in user.get(f"/console/keys/{key_id}").text
    for verb in ("edit", "rotate", "suspend", "revoke", "delete"):
        assert user.get(f"/console/keys/{key_id}/{verb}").status_code == 403
    token = dict(sign_out_form(user.get("/console/keys")))
    for path in ("/console/keys/new", f"/console/keys/{key_id}/revoke"):
        assert user.post(path, token).status_code == 403
    assert console.keys.queries.get_key(console.organisation_id, key_id).status == "active"


def test_a_role_lost_in_mid_form_changes_nothing(console: Console) -> None:
    browser = console.browser(Role.ADMIN, name="Anna")
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/suspend"
    asked = browser.get(path)
    console.link(Role.USER, "Anna")
    assert browser.submit(asked, path).status_code == 403
    assert console.keys.queries.get_key(console.organisation_id, key_id).status == "active"


def test_of_two_who_edit_the_second_sees_what_the_first_changed(console: Console) -> None:
    anna, ben = console.browser(Role.ADMIN, name="Anna"), console.browser(Role.ADMIN, name="Ben")
    create(anna)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/edit"
    of_anna, of_ben = anna.get(path), ben.get(path)
    assert anna.submit(of_anna, path, name="By Anna", labels="team:rail").status_code == 200
    told = ben.submit(of_ben, path, name="By Ben", minute="7")
    assert told.status_code == 409
    assert "By Anna" in told.text
    assert "team:rail" in told.text
    assert ben.submit(told, path).status_code == 200
    key = console.keys.queries.get_key(console.organisation_id, key_id)
    assert (key.name, key.labels, key.minute_limit) == ("By Ben", {"team": "rail"}, 7)


def test_more_permissions_need_a_new_secret_shown_once(console: Console) -> None:
    browser = console.browser()
    first = secret_in(create(browser))
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/edit"
    asked = browser.submit(browser.get(path), path, permissions=["sensors:read", "events:read"])
    assert asked.status_code == 409
    shown = browser.submit(asked, path, regenerate="on")
    assert secret_in(shown) != first
    assert browser.submit(asked, path, regenerate="on").status_code == 409
    key = console.keys.queries.get_key(console.organisation_id, key_id)
    assert set(key.permissions) == {"sensors:read", "events:read"}


def test_what_would_lock_out_says_so_before(console: Console) -> None:
    browser = console.browser()
    create(browser, permissions=["admin"])
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/revoke"
    told = browser.submit(browser.get(path), path)
    assert told.status_code == 409
    assert "no admin key left" in told.text
    assert "refused by" in browser.submit(told, path, force="on").text


def test_a_deletion_asks_for_the_name_and_a_recent_sign_in(console: Console, clock: ManualClock) -> None:
    browser = console.browser()
    create(browser)
    (key_id,) = console.ids()
    path = f"/console/keys/{key_id}/delete"
    asked = browser.get(path)
    assert browser.submit(asked, path, name="Railroad").status_code == 422
    clock.advance(RECENT.total_seconds())
    assert browser.submit(asked, path, name="Railway").status_code == 403
    assert console.ids() == [key_id]
    browser.sign_in(console.link())
    assert browser.submit(browser.get(path), path, name="Railway").status_code == 200
    assert console.ids() == []
    assert browser.get(f"/console/keys/{key_id}").status_code == 404


def test_another_organisation_s_key_is_no_key(console: Console) -> None:
    create(console.browser())
    (key_id,) = console.ids()
    other = console.keys.commands.organisations.register("Others", "standard", ORIGIN)
    browser = Browser(console.app)
    browser.sign_in(console.keys.sign_in.new_link(other, Role.OWNER))
    for verb in ("", "/edit", "/rotate", "/suspend", "/resume", "/revoke", "/delete"):
        assert browser.get(f"/console/keys/{key_id}{verb}").status_code == 404


def test_the_list_is_filtered_sorted_and_paged_by_its_url(console: Console) -> None:
    browser = console.browser()
    for number in range(22):
        create(browser, name=f"key {number:02}", labels=f"parity:{number % 2}")
    first = browser.get("/console/keys?sort=name").text
    assert "key 00" in first
    assert "key 21" not in first
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
    assert "key 21" in browser.get(following.replace("&amp;", "&")).text
    odd = browser.get("/console/keys?label=parity:1&sort=name").text
    assert "key 01" in odd
    assert "key 02" not in odd
    assert "No key matches" in browser.get("/console/keys?q=nothing").text
    for unreadable in ("cursor=x", "sort=fly", "status=lost", "q=%00"):
        assert 'rel="next"' in browser.get(f"/console/keys?{unreadable}").text


def test_signing_out_here_and_everywhere(console: Console) -> None:
    one, other = console.browser(), console.browser()
    assert "Firefox" in one.get("/console/sessions").text
    assert one.post("/console/sign-out", sign_out_form(one.get("/console/keys"))).status_code == 303
    assert one.get("/console/keys").status_code == 303
    token = sign_out_form(other.get("/console/keys"))
    assert other.post("/console/sessions", [*token, ("session", "all")]).status_code == 303
    assert other.get("/console/keys").status_code == 303


@pytest.mark.parametrize(
    "path",
    [
        *("/console", "/settings", "/settings/api-keys", "/parametres", "/parametres/cles-api"),
        "/profil/developpeur/cles-api",
    ],
)
def test_addresses_that_last_arrive(console: Console, path: str) -> None:
    answer = Browser(console.app).get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/keys")


def test_a_body_that_is_no_form_is_refused(console: Console) -> None:
    browser = console.browser()
    assert browser.post("/console/keys/new", [], **{"Content-Type": "application/json"}).status_code == 415
    assert browser.post("/console/keys/new", [("name", "x" * 70_000)]).status_code == 413
    assert browser.post("/console/keys/new", [(str(n), "") for n in range(300)]).status_code == 400


def _person(console: Console) -> str:
    with console.keys.database.reading() as tx:
        return str(tx.execute(select(tables.console_person.c.id)).scalars().first())
