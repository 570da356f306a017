"""The table of services: what it names is there, and one document describes them all."""

import warnings

import pytest

from services.service_registry import SERVICES, Service, documented_routes
from shared.web.openapi.document import document


def test_no_two_schemas_of_the_whole_document_have_one_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # apispec's, which would call the second one Channel1
        schemas = document(documented_routes(), "http://127.0.0.1:8000")["components"]["schemas"]
    assert {"Channel", "NotificationChannel", "NotificationChannelList"} <= schemas.keys()
    assert "sample_rate_hz" in schemas["Channel"]["properties"]


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_what_the_registry_names_is_there(service: Service) -> None:
    """It names modules and classes by strings, which nothing else checks."""
    assert [service_class.__name__ for service_class in service.service_classes()] == list(service.classes)
    assert service.assembly.MIGRATIONS.is_dir()
    assert (
        service.follows_keys == hasattr(service.assembly, "follower_of_keys") == hasattr(service.assembly, "FOLLOWER")
    )
    assert service.has_log == ("log" in service.module("tables").metadata.tables)
