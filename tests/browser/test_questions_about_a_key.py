"""Pages that answer what is asked of a key and of its organisation, and that of a key that leaked, in Chromium."""

from pathlib import Path

from tests.browser.person import Person

ORGANISATION = {
    "organisation": "/console/organisation?step=minute",
    "policies": "/console/organisation/policies",
    "system": "/console/system",
    "create-template": "/console/keys/new?template=download",
    "create-link": "/console/keys/new?name=Quake&permissions=admin,fly&expires_in=604800",
}
OF_A_KEY = {
    "details-days": "?step=day",
    "activity": "/activity",
    "activity-fault": "/activity?status=9xx&address=here",
    "past": "/past",
    "why": "/why?request_id=req_unknown",
    "compromised": "/compromised",
}


def test_each_question_has_a_page_that_passes(person: Person) -> None:
    visitor = person.visit
    person.make_key("Clé d’un tableau de bord")
    key = person.key_path()
    pages = ORGANISATION | {name: f"{key}{path}" for name, path in OF_A_KEY.items()}
    for name, path in pages.items():
        visitor.page.goto(visitor.url + path)
        visitor.judge(name)


def test_a_leaked_key_is_walked_through_to_a_receipt_that_is_kept(person: Person, tmp_path: Path) -> None:
    """The download has no address of its own: the policy must let it be, and it needs no script."""
    visitor, page = person.visit, person.page
    person.make_key("Elle a fui")
    visitor.go(f"{person.key_path()}/compromised")
    person.button("Revoke").click()
    visitor.judge("compromised-done")
    page.locator("details.proof > summary").click()
    with page.expect_download() as download:
        page.locator("a[download]").click()
    receipt = tmp_path / download.value.suggested_filename
    download.value.save_as(receipt)
    assert '"proof":{' in receipt.read_text()
    visitor.judge("receipt")
