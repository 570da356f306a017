"""Networks in Chromium: one with sensors; one that is made, changed, and deleted by its name, without script too."""

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.e2e.running import eventually


def test_a_network_is_made_changed_and_deleted(person: Person) -> None:
    page, visitor = person.page, person.visit
    visitor.go("/console/networks")
    person.link("Create a network").click()
    visitor.judge("network-new")
    page.get_by_label(person.words("Name"), exact=True).fill("Cordillère " + "Blanche" * 8)
    page.locator("[name=api_access]").uncheck()
    person.button("Create").click()
    expect(page.get_by_role("main")).to_contain_text(person.words("Closed to keys"))
    visitor.judge("network-empty")
    person.link("Change the network").click()
    page.get_by_label(person.words("Name"), exact=True).fill("Cordillère")
    page.locator("[name=archived]").check()
    visitor.judge("network-edit")
    person.button("Save").click()
    expect(page.locator("h1")).to_have_text("Cordillère")
    visitor.go("/console/networks")
    visitor.judge("networks")
    page.get_by_role("link", name="Cordillère", exact=True).click()
    person.link("Change the network").click()
    person.link("Delete the network").click()
    visitor.judge("network-delete")
    page.locator("main [name=name]").fill("Cordillère")
    person.button("Delete").click()
    expect(page).to_have_url(visitor.url + "/console/networks")
    expect(page.get_by_role("main")).not_to_contain_text("Cordillère")


def test_a_network_shows_its_sensors(person: Person) -> None:
    person.visit.go("/console/networks")
    person.page.get_by_role("link", name="Main network", exact=True).click()
    # Sensors has a second; on a busy machine the page says to load it again.
    eventually(lambda: person.page.reload() and person.page.locator("svg.minute-line").count(), bool)
    expect(person.page.locator("svg.minute-line").first).to_be_visible()
    person.visit.judge("network")
