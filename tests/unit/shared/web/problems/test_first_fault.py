"""The detail of a problem names the first fault itself, the field and what is wrong, in the reader's language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import marshmallow
import pytest
from marshmallow import fields, validate

from services.keys.lifecycle.decision import KeyHasExpired, KeyIsRevoked
from services.keys.lifecycle.lifetimes import BeyondLifetime, Lifetimes
from services.keys.lifecycle.lock_out import LockOut, Loss
from services.keys.lifecycle.organisation import DefaultBeyondMaximum, TooManyKeys
from shared.gate.quota.memory_quota import Spent
from shared.gate.verdict import Refusal, Verdict
from shared.values.timestamps import _LOOKS_LIKE, _SEND_PLUS, rfc3339
from shared.web.problems.catalogue import LANGUAGES, Problem
from shared.web.problems.faults.translation import translated
from shared.web.problems.refusals import refusal_problem
from tests.examples import NOON

ROOT = Path(__file__).parents[5]
# Pages for people have texts of their own; what is no HTTP request of a program's is answered in English.
LEFT_OUT = ("console", "cli", "embedded", "rpc_schemas", "migrations", "shared/contracts")
NAMES = {"ValidationError", "NotAName", "_refuse", "DefaultBeyondMaximum", "CannotBeSent", "ForwardedRequestUnreadable"}
OTHERS = LANGUAGES[1:]


# Of refusals that become a text only where they are raised.
_LATE = {
    str(DefaultBeyondMaximum(Lifetimes(max_days=7))),
    f"{BeyondLifetime(7, NOON)}: this one may expire at {rfc3339(NOON)} at the latest",
    *map(str, (KeyIsRevoked(), KeyHasExpired(), TooManyKeys(20))),
    *(str(LockOut(loss)) for loss in Loss),
}


def told(problem: Problem, language: str = "en") -> dict[str, str]:
    body = problem.body(public_url="", instance=None, request_id="req_1", language=language)
    assert body["error"]["message"] == body["detail"]
    return {"title": body["title"], "detail": body["detail"]}


def of_body(pointer: str, *messages: str) -> Problem:
    return Problem("invalid-body", members={"errors": {pointer: list(messages), "/other": ["Unknown field."]}})


@pytest.mark.parametrize(
    ("problem", "english", "french"),
    [
        (of_body("/name", "must not be blank"), "/name: must not be blank", "/name : ne doit pas être vide"),
        (
            of_body("", "give exactly one of label, created_before and ids"),
            "give exactly one of label, created_before and ids",
            "donnez exactement un de label, created_before et ids",
        ),
        (
            of_body("/limits/minute", "must not exceed the tier's limit of 300", "Not a valid integer."),
            "/limits/minute: must not exceed the tier's limit of 300",
            "/limits/minute : ne doit pas dépasser la limite de l'offre, 300",
        ),
        (
            Problem("invalid-request", "as_of: must not be in the future"),
            "as_of: must not be in the future",
            "as_of : ne doit pas être dans le futur",
        ),
        (
            Problem("invalid-request", "unknown query parameters: a, b"),
            "unknown query parameters: a, b",
            "paramètres inconnus : a, b",
        ),
        (of_body("/x", "a text that nobody translated"), "/x: a text that nobody translated", None),
    ],
)
def test_the_first_fault_is_named_in_both_languages(problem: Problem, english: str, french: str | None) -> None:
    assert told(problem)["detail"] == english
    in_other = told(problem, "fr")
    assert in_other["detail"] == (french or "/x : a text that nobody translated")
    assert "requête" in in_other["title"]


def test_what_has_no_detail_of_its_own_has_the_advice_in_the_reader_s_language() -> None:
    assert told(Problem("too-many-keys"), "fr")["detail"].startswith("Révoquez")
    assert told(Problem("too-many-keys"), "es")["detail"].startswith("Revoque")
    assert told(Problem("too-many-keys"), "de") == told(Problem("too-many-keys"))


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_of_ours_is_translated(language: str) -> None:
    texts = {*_our_messages(), *_LATE, _LOOKS_LIKE, _SEND_PLUS}
    # A text of its own that is filled in after the name of a member is collected where it stands.
    texts = {text for text in texts if not re.fullmatch(r"[\w-]*:? ?x|", text)}
    assert {text for text in texts if translated(text, language) == text} == set()


@pytest.mark.parametrize("language", OTHERS)
def test_what_stands_in_a_sentence_is_translated_if_it_is_one_and_names_stay(language: str) -> None:
    sentence = f"{LockOut(Loss.OWN_KEY)}: add `?force=true` if that is wanted"
    assert translated(str(LockOut(Loss.OWN_KEY)), language) in translated(sentence, language)
    assert translated("unknown query parameters: day", language).endswith("day")


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("refusal", Refusal)
def test_every_refusal_of_the_gate_is_told_in_the_reader_s_language(refusal: Refusal, language: str) -> None:
    spent = Spent(False, 0, 9, 0, 9, retry_after_seconds=9, violated=("minute", "day"))
    problem = refusal_problem(Verdict(refusal, spent=spent, retry_after_seconds=9), refusal, "admin", "192.0.2.7")
    in_english, in_other = told(problem), told(problem, language)
    assert in_other["title"] != in_english["title"]
    assert in_other["detail"] != in_english["detail"]


def test_a_caller_from_another_address_is_told_the_one_that_it_came_from() -> None:
    verdict = Verdict(Refusal.ADDRESS_NOT_ALLOWED)
    problem = refusal_problem(verdict, Refusal.ADDRESS_NOT_ALLOWED, "admin", "192.0.2.7")
    assert told(problem)["detail"] == "the key is not allowed to be used from 192.0.2.7"


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_of_marshmallow_s_that_a_body_can_meet_is_translated(language: str) -> None:
    kinds = (fields.String, fields.Integer, fields.Boolean, fields.List, fields.Dict, fields.Nested, fields.Enum)
    texts = {text for kind in kinds for each in kind.__mro__ for text in _messages_of(each).values()}
    texts |= set(marshmallow.Schema._default_error_messages.values())
    validators = [
        validate.Range(min=1, max=9),
        validate.Length(min=1, max=9),
        validate.Length(max=9),
        validate.Length(min=9),
        validate.OneOf(("a", "b")),
        validate.Regexp("x"),
    ]
    for validator in validators:
        for value in (-5, 50) if isinstance(validator, validate.Range) else ("", "y" * 50):
            with pytest.raises(marshmallow.ValidationError) as refused:
                (validator(value), validator("y" * 50), validator(""))
            texts.update(map(str, refused.value.messages))
    assert {text for text in texts if translated(text, language) == text} == set()


def _messages_of(kind: type) -> dict[str, str]:
    return dict(vars(kind).get("default_error_messages", {}))


def _our_messages() -> Iterator[str]:
    for top in ("services", "shared/web", "shared/values"):
        for path in (ROOT / top).rglob("*.py"):
            if not any(name in str(path.relative_to(ROOT)) for name in LEFT_OUT):
                yield from _messages_in(ast.parse(path.read_text()))


def _messages_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _messages_of_call(node)
        elif isinstance(node, ast.Dict):
            for name, value in zip(node.keys, node.values, strict=True):
                # `refusals` has beginnings of texts, for the document.
                if not (isinstance(name, ast.Constant) and name.value == "refusals"):
                    yield from _texts_of_list(value)
        elif isinstance(node, ast.DictComp):
            yield from _texts_of_list(node.value)
        elif isinstance(node, ast.FunctionDef) and node.name in ("unreadable", "forbidden_target"):
            for each in ast.walk(node):
                if isinstance(each, ast.Return) and each.value is not None:
                    yield from _text_of(each.value)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            yield from _texts_of_list(node.value)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "detail":
            for each in node.value.values if isinstance(node.value, ast.BoolOp) else [node.value]:
                yield from _text_of(each, of_sentences=True)


def _messages_of_call(node: ast.Call) -> Iterator[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    given = node.args
    if name in ("_refuse", "Problem"):
        given = node.args[1:]
    elif name not in NAMES:
        named = {"error", "malformed", *({"detail"} if name == "unavailable" else ())}
        given = [keyword.value for keyword in node.keywords if keyword.arg in named]
    for each in given[:1]:
        yield from _text_of(each)


def _texts_of_list(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.List) and len(node.elts) == 1:
        yield from _text_of(node.elts[0], of_sentences=True)


def _text_of(node: ast.expr, *, of_sentences: bool = False) -> Iterator[str]:
    """What is filled in is written x. `of_sentences`: lists hold other texts, too."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    else:
        return
    if " " in text or not of_sentences:
        yield text
