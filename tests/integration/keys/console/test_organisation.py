"""The organisation's page: use by key, the states of its keys, what happened, and policies that two people edit."""

from datetime import datetime, timedelta
from typing import Any

from services.keys.console.pages.key_usage import OrganisationUse, Step
from services.keys.lifecycle.organisation import ChangeSettings
from services.keys.revocation.session_fence import Role
from shared.runtime.clock import ManualClock
from tests.examples import ORIGIN
from tests.integration.keys.console.browsing import Browser
from tests.integration.keys.console.scene import Console, create
from tests.integration.keys.console.usage_double import Usage

PATH = "/console/organisation"
POLICIES = f"{PATH}/policies"


class OfKeys(Usage):
    """`key_ids`: the heaviest first; the last of them is the one that is refused."""

    key_ids: tuple[str, ...] = ()

    def of_organisation(self, organisation_id: str, step: Step, now: datetime) -> OrganisationUse:
        self._answer()
        whole = self.use(organisation_id, "", step, now)
        keys = tuple((key_id, "grl_hint", 1000 - number) for number, key_id in enumerate(self.key_ids))
        return OrganisationUse(whole=whole, keys=keys, refused_keys=((self.key_ids[-1], "grl_hint", 321),))


def settings(console: Console) -> tuple[int | None, ...]:
    view = console.keys.queries.organisation(console.organisation_id)
    return view.unused_expiry_days, view.lifetime_max_days, view.lifetime_default_days


def test_the_heaviest_and_the_most_refused_keys_are_named_also_one_that_is_gone(console: Console) -> None:
    usage = OfKeys()
    browser = Browser(console.at("http://127.0.0.1:8000", usage))
    browser.sign_in(console.link())
    create(browser, name="Heavy")
    create(browser, name="Turned away")
    ids = {key.name: key.id for key in console.keys.queries.list_keys(console.organisation_id, 2).keys}
    usage.key_ids = (ids["Heavy"], "key_gone", ids["Turned away"])
    page = browser.get(PATH).text
    assert page.index("Heavy") < page.index("key_gone") < page.index("Turned away")
    assert "321" in page
    assert "Standard" in page
    assert "2 of 100" in page
    usage.is_there = False
    missing = browser.get(PATH)
    assert "did not answer within a second" in missing.text
    assert "Life of the keys" in missing.text


def test_keys_that_need_somebody_are_named(console: Console, clock: ManualClock) -> None:
    browser = console.browser(name="Anna")
    create(browser, name="Soon", expiry="30")
    create(browser, name="Long", expiry="365")
    clock.advance(timedelta(days=20).total_seconds())
    browser = console.browser(name="Anna")
    create(browser, name="Revoked")
    path = f"/console/keys/{console.ids()[0]}/revoke"
    browser.submit(browser.get(path), path)
    page = browser.get(PATH).text
    part = page[page.index("Life of the keys") : page.index("Activity of all keys")]
    assert "Soon" in part
    assert "Long" not in part
    limits = ChangeSettings(lifetime_max_days=60)
    console.keys.commands.organisations.change_settings(console.organisation_id, limits, ORIGIN)
    clock.advance(timedelta(days=80).total_seconds())
    page = console.browser(name="Anna").get(PATH).text
    part = page[page.index("Life of the keys") : page.index("Activity of all keys")]
    assert part.count("Long") == 2, "unused, and beyond the longest lifetime"
    assert "Soon" not in part, "expired"


def test_what_happened_is_paged(console: Console) -> None:
    browser = console.browser()
    for number in range(20):
        create(browser, name=f"key {number}")
    first = browser.get(PATH).text
    assert "Organisation registered" not in first
    following = first[first.index('rel="next" href="') :].split('"')[3]
    assert "Organisation registered" in browser.get(following).text
    for unreadable in ("before=x", "before=0", "before=99999999999999999999999", "step=x"):
        assert browser.get(f"{PATH}?{unreadable}").status_code == 200


def test_policies_are_edited_and_faults_told_at_their_fields(console: Console) -> None:
    browser = console.browser()
    typed: dict[str, Any] = {"unused_expiry_days": "90", "lifetime_max_days": "365", "lifetime_default_days": "30"}
    saved = browser.submit(browser.get(POLICIES), POLICIES, **typed)
    assert (saved.status_code, settings(console)) == (303, (90, 365, 30))
    assert "365 days" in browser.get(PATH).text
    cleared = browser.submit(browser.get(POLICIES), POLICIES, unused_expiry_days="")
    assert (cleared.status_code, settings(console)) == (303, (None, 365, 30))
    for name, text in (
        ("unused_expiry_days", "6"),
        ("lifetime_max_days", "never"),
        ("lifetime_max_days", "20"),
        ("lifetime_default_days", "400"),
        ("lifetime_default_days", "99999"),
    ):
        refused = browser.submit(browser.get(POLICIES), POLICIES, **dict[str, Any]({name: text}))
        assert refused.status_code == 422, (name, text)
        assert dict(browser.form(refused).fields)[name] == text
    assert settings(console) == (None, 365, 30)


def test_of_two_who_edit_policies_the_second_sees_what_the_first_changed(console: Console) -> None:
    anna, ben = console.browser(Role.ADMIN, name="Anna"), console.browser(Role.ADMIN, name="Ben")
    of_anna, of_ben = anna.get(POLICIES), ben.get(POLICIES)
    anna.submit(of_anna, POLICIES, unused_expiry_days="90", lifetime_max_days="365")
    told = ben.submit(of_ben, POLICIES, lifetime_max_days="100", lifetime_default_days="10")
    assert told.status_code == 409
    assert "Somebody changed the policies meanwhile" in told.text
    assert "365 days" in told.text
    assert settings(console) == (90, 365, None)
    assert ben.submit(told, POLICIES).status_code == 303
    assert settings(console) == (90, 100, 10)


def test_a_policy_that_would_lock_out_is_said_so_and_a_user_changes_none(console: Console, clock: ManualClock) -> None:
    browser = console.browser(name="Anna")
    create(browser, permissions=["admin"], expiry="365")
    clock.advance(timedelta(days=30).total_seconds())
    browser = console.browser(name="Anna")
    told = browser.submit(browser.get(POLICIES), POLICIES, unused_expiry_days="7")
    assert (told.status_code, settings(console)[0]) == (409, None)
    assert browser.submit(told, POLICIES, force="on").status_code == 303
    assert settings(console)[0] == 7
    user = console.browser(Role.USER, name="Eve")
    assert user.get(PATH).status_code == 200
    assert POLICIES not in user.get(PATH).text
    assert user.get(POLICIES).status_code == 403
    forged = [("csrf", "0" * 128), ("unused_expiry_days", "30")]
    assert user.post(POLICIES, forged).status_code == 403
    assert browser.post(POLICIES, forged).status_code == 409, "made for no revision"
    assert settings(console)[0] == 7
