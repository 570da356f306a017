"""What services tell each other changes by gaining fields and in no other way: the golden texts hold it still."""

import dataclasses
import importlib
import pkgutil
from types import ModuleType

import msgspec
import pytest

import shared.contracts
from shared.gate.grants import grant
from shared.replication import feed
from shared.replication.heads import held_heads
from tests.contract.golden_files import Golden, golden_files


def _shapes_in(module: ModuleType) -> dict[str, type]:
    """Every shape that a module of shared.contracts declares: none can be added without a golden file."""
    declared = [item for item in vars(module).values() if getattr(item, "__module__", None) == module.__name__]
    return {item.__name__: item for item in declared if dataclasses.is_dataclass(item) or _is_struct(item)}


def _is_struct(item: object) -> bool:
    return isinstance(item, type) and issubclass(item, msgspec.Struct)


def _is_newest(golden: Golden) -> bool:
    files = golden_files(f"contracts/{golden.name.split('/')[0]}")
    return golden.version == max(other.version for other in files if other.type == golden.type)


SHAPES = {
    name: _shapes_in(importlib.import_module(f"shared.contracts.{name}"))
    for _, name, _ in pkgutil.iter_modules(shared.contracts.__path__)
    if name != "decoding"
} | {
    # Not events, and yet on the wire between processes of possibly two releases.
    "feed": {"FeedPage": feed.FeedPage, "Acknowledgement": feed.Acknowledgement, "HeldHead": held_heads.HeldHead},
    "gate": {"Snapshot": grant.Snapshot},
}
FILES = [(SHAPES[module][golden.type], golden) for module in SHAPES for golden in golden_files(f"contracts/{module}")]
# What is added to an array's older version is the newer one's first new field, and no surprise.
EXTENDABLE = [(shape, golden) for shape, golden in FILES if golden.text.startswith("{") or _is_newest(golden)]
shape_by_shape = pytest.mark.parametrize(("shape", "golden"), FILES, ids=[golden.name for _, golden in FILES])


@pytest.mark.parametrize("module", SHAPES)
def test_every_public_shape_has_its_golden_file(module: str) -> None:
    assert {golden.type for golden in golden_files(f"contracts/{module}")} == SHAPES[module].keys()


@shape_by_shape
def test_what_was_ever_sent_is_still_read(shape: type, golden: Golden) -> None:
    assert isinstance(msgspec.json.decode(golden.text, type=shape), shape)


@shape_by_shape
def test_what_is_sent_today_is_the_golden_text_to_the_byte(shape: type, golden: Golden) -> None:
    if _is_newest(golden):
        assert _sent(msgspec.json.decode(golden.text, type=shape)) == golden.text


@pytest.mark.parametrize(("shape", "golden"), EXTENDABLE, ids=[golden.name for _, golden in EXTENDABLE])
def test_what_a_newer_release_adds_is_ignored(shape: type, golden: Golden) -> None:
    body = msgspec.json.decode(golden.text)
    if isinstance(body, list):  # what comes tomorrow comes after what there is today
        body = msgspec.to_builtins(msgspec.json.decode(golden.text, type=shape))
    more = [*body, "tomorrow"] if isinstance(body, list) else body | {"tomorrow": "more"}
    assert msgspec.convert(more, type=shape) == msgspec.json.decode(golden.text, type=shape)


@pytest.mark.parametrize("module", ["keys", "sensors"])
def test_people_s_words_have_no_field_to_travel_in(module: str) -> None:
    fields = {field for shape in SHAPES[module].values() for field in shape.__annotations__}
    assert fields.isdisjoint({"name", "description", "labels", "words", "note", "metadata"})


def _sent(message: object) -> str:
    """As publishers and feeds do it: plain JSON values first."""
    return msgspec.json.encode(msgspec.to_builtins(message)).decode()
