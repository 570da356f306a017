"""The rule of the hash chain: changed by one bit, it would declare every log there is to be forged."""

import pytest
from msgspec.structs import replace

from shared.eventsourcing.event_store import StoredEvent, genesis_hash, row_hash

GENESIS = "109ffdcd2d167bacf6b897313dc8f796da3eb94ec5a9dc176e63acef8c8fde9f"
ROW = StoredEvent(
    position=1,
    stream="key_5Gf9QeVT1rPbnXcsLwa4yM",
    version=1,
    type="KeyNoted",
    schema_version=1,
    data='{"hint":"grl_7777…QzN6"}',
    metadata='{"actor":"a test"}',
    recorded_at="2026-11-23T12:00:00.000000Z",
    hash="",
)
HASH = "230f29cab9d7799c94dba7c26ae0c8db79d6a88f88a6a282434c73a2e3acf5e5"


def test_the_genesis_of_an_epoch_never_changes() -> None:
    assert genesis_hash("9f86d081884c7d65") == GENESIS


def test_the_hash_of_a_row_never_changes() -> None:
    assert row_hash(GENESIS, ROW) == HASH


@pytest.mark.parametrize(
    "other",
    [
        replace(ROW, data=ROW.data + ROW.metadata, metadata=""),
        replace(ROW, data="", metadata=ROW.data + ROW.metadata),
        replace(ROW, stream=ROW.stream + "1", version=1, type=ROW.type),
        replace(ROW, position=11, stream=ROW.stream[1:]),
        replace(ROW, stream=ROW.stream + "1K", version=1, type="eyNoted"),
    ],
)
def test_fields_that_run_together_do_not_pass_for_one_another(other: StoredEvent) -> None:
    assert row_hash(GENESIS, other) != HASH


def test_a_row_is_bound_to_the_one_before_it() -> None:
    assert row_hash(HASH, ROW) != HASH
