"""Where a form came from, as browsers say it: by Sec-Fetch-Site, or older ones by Origin."""

import pytest
from falcon import testing

from services.keys.console.sessions.request_origin import is_our_own

PUBLIC_URL = "https://grillo.example"


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://grillo.example"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://grillo.example"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": ""}, False),
        ({"Origin": "https://grillo.example"}, True),
        ({"Origin": "http://localhost:8000", "Host": "localhost:8000"}, True),
        ({"Origin": "https://localhost", "Host": "localhost"}, True),
        ({"Origin": "http://grillo.example"}, False),  # as whoever is between could write it
        ({"Origin": "https://grillo.example:8443"}, False),
        ({"Origin": "http://localhost:8000", "Host": "localhost"}, False),
        ({"Origin": "http://localhost:3000", "Host": "localhost:8000"}, False),
        ({"Origin": "http://[::1", "Host": "localhost:8000"}, False),
        ({"Origin": "https://grillo.example.evil.example"}, False),
        ({"Origin": "https://evil.example", "Host": "grillo.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({}, True),  # no browser
    ],
)
def test_a_form_is_ours_if_the_browser_says_so(headers: dict[str, str], is_ours: bool) -> None:
    req = testing.create_req(method="POST", headers={"Host": "grillo.example"} | headers)
    assert is_our_own(req, PUBLIC_URL) is is_ours
