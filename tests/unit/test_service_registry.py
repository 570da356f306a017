"""One document describes all services, so a schema's name must be one schema's among all of them."""

import warnings

from services.service_registry import documented_routes
from shared.web.openapi import document


def test_no_two_schemas_of_the_whole_document_have_one_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # apispec's, which would call the second one Channel1
        schemas = document(documented_routes(), "http://127.0.0.1:8000")["components"]["schemas"]
    assert {"Channel", "NotificationChannel", "NotificationChannelList"} <= schemas.keys()
    assert "sample_rate_hz" in schemas["Channel"]["properties"]
