"""Names of operations (operationId): a verb and what it is about, as a generated client's methods are called.

One rule: GET lists a collection and gets anything else, POST creates in a collection, and a last segment that is a verb
(`/v1/keys/{key_id}/rotate`) is one: rotateKey. What the rule would name badly is named where it is declared.
"""

import re

from marshmallow import Schema

_VERBS = {"get": "get", "post": "create", "put": "replace", "patch": "update", "delete": "delete"}


def operation_id(method: str, path: str, answers: type[Schema]) -> str:
    segments = path.strip("/").split("/")[1:]
    nouns = [segment for segment in segments if not segment.startswith("{")]
    verb, name, part = _VERBS[method], "", ""
    if method == "get" and {"next_cursor", "pagination"} & answers().fields.keys():
        verb = "list"
    elif method == "post" and len(segments) > 1 and not segments[-1].startswith("{"):
        verb, _, part = nouns.pop().partition("-")
    for noun in nouns:
        position = segments.index(noun)
        is_one = segments[position + 1 : position + 2] and re.match(r"{|self$", segments[position + 1])
        is_created = method == "post" and noun == segments[-1]
        if noun == "self":
            name = "Own" + name
        else:
            name += _pascal(_singular(noun) if is_one or is_created else noun)
    return verb + name + _pascal(part)


def _singular(noun: str) -> str:
    return noun[:-3] + "y" if noun.endswith("ies") else noun.removesuffix("s")


def _pascal(noun: str) -> str:
    return "".join(map(str.capitalize, noun.split("-")))
