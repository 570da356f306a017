"""The reference is the OpenAPI document, read."""

import shlex

import pytest

from services.keys.console.public.operations import ApiOperation, operations
from services.service_registry import documented_routes
from shared.web.openapi.document import document
from shared.web.problems.catalogue import CATALOGUE

DOCUMENT = document(documented_routes(), "https://grillo.test")
OPERATIONS = {operation.id: operation for operation in operations(DOCUMENT)}


def test_every_operation_of_the_document_is_there() -> None:
    declared = {op["operationId"] for item in DOCUMENT["paths"].values() for op in item.values() if "responses" in op}
    assert OPERATIONS.keys() == declared


def test_an_operation_says_what_it_needs() -> None:
    listing, giving_up = OPERATIONS["listKeys"], OPERATIONS["revokeOwnKey"]
    assert (listing.permission, listing.reserve, listing.gives_up) == ("admin", ("listing", 10), False)
    assert (giving_up.permission, giving_up.gives_up) == (None, True)


def test_members_within_members_are_named_by_their_path() -> None:
    members = {member.name: member for member in OPERATIONS["createKey"].body}
    assert members["name"].is_required
    assert members["name"].type == "string, at most 100"
    assert (members["limits"].type, members["limits"].is_required) == ("object or null", False)
    assert "limits.minute" in members
    assert "data[].hint" in {member.name for member in OPERATIONS["listKeys"].answer}


def test_parameters_say_their_bounds() -> None:
    limit = next(member for member in OPERATIONS["listKeys"].parameters if member.name == "limit")
    assert limit.type == "integer, 1 to 100, 20 if not given"


def test_problems_are_those_of_the_catalogue() -> None:
    named = {name for operation in OPERATIONS.values() for _, names in operation.problems for name in names}
    assert "too-many-keys" in dict(OPERATIONS["createKey"].problems)["409"]
    assert named <= CATALOGUE.keys()


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_its_curl_line_is_one_command_that_names_what_is_needed(operation: ApiOperation) -> None:
    words = shlex.split(operation.curl)
    assert words[0] == "curl"
    address = next(word for word in words if word.startswith("https://grillo.test/v1/"))
    assert "{" not in address
    method = words[words.index("-X") + 1] if "-X" in words else "POST" if "-d" in words else "GET"
    assert method == operation.method
    body = words[words.index("-d") + 1] if "-d" in words else ""
    assert all(f'"{member.name}"' in body for member in operation.body if member.is_required and "." not in member.name)
