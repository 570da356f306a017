"""Operations are named as the methods of a client are, by one rule."""

import pytest
from marshmallow import Schema, fields

from services.service_registry import documented_routes
from shared.web.openapi.document import document
from shared.web.openapi.naming import operation_id


class _One(Schema):
    id = fields.String()


class _Page(Schema):
    data = fields.List(fields.String())
    next_cursor = fields.String()


@pytest.mark.parametrize(
    ("method", "path", "answers", "name"),
    [
        ("get", "/v1/keys", _Page, "listKeys"),
        ("post", "/v1/keys", _One, "createKey"),
        ("get", "/v1/keys/{key_id}", _One, "getKey"),
        ("patch", "/v1/alert-rules/{rule_id}", _One, "updateAlertRule"),
        ("delete", "/v1/deliveries/{delivery_id}", _One, "deleteDelivery"),
        ("post", "/v1/keys/{key_id}/rotate", _One, "rotateKey"),
        ("post", "/v1/channels/{channel_id}/rotate-secret", _One, "rotateChannelSecret"),
        ("post", "/v1/keys/revoke", _One, "revokeKeys"),
        ("get", "/v1/keys/self", _One, "getOwnKey"),
        ("post", "/v1/keys/self/revoke", _One, "revokeOwnKey"),
        ("get", "/v1/keys/{key_id}/usage", _One, "getKeyUsage"),
        ("get", "/v1/organisation/activity", _Page, "listOrganisationActivity"),
    ],
)
def test_a_name_is_a_verb_and_what_it_is_about(method: str, path: str, answers: type[Schema], name: str) -> None:
    assert operation_id(method, path, answers) == name


def test_no_two_operations_of_the_whole_document_have_one_name() -> None:
    paths = document(documented_routes(), "http://127.0.0.1:8000")["paths"]
    names = [it["operationId"] for item in paths.values() for it in item.values() if "operationId" in it]
    assert len(names) == len(set(names))
