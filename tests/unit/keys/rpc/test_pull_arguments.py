"""What a follower may say of itself over RPC: as over HTTP, no more than a column holds and in the forms we write."""

from typing import Any

import pytest
from marshmallow import ValidationError

from services.keys.rpc.schemas import PullArguments
from shared.eventsourcing.event_store import Head
from shared.gate.gate_process import new_gate_id
from shared.replication.feed import Acknowledgement

PLACE = {"epoch": "e" * 32, "position": 2**63 - 1, "hash": "f" * 64}


def test_the_id_of_a_gate_of_this_release_is_taken() -> None:
    PullArguments().load({"acknowledgement": {"gate": new_gate_id(), "position": 3}})


@pytest.mark.parametrize("gate", ["gate_1", "a-gate_" + "9" * 25])
def test_the_ids_of_gates_of_all_releases_are_taken(gate: str) -> None:
    loaded = PullArguments().load({"after": PLACE, "acknowledgement": {"gate": gate, "position": 3}})
    assert loaded["acknowledgement"] == Acknowledgement(gate=gate, position=3)
    assert loaded["after"] == Head(epoch="e" * 32, position=2**63 - 1, hash="f" * 64)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("gate", gate) for gate in ("", "g" * 33, "g" * 5000, "gate 1", "gate_1\n", "\0", "gaté")),
        *(("position", position) for position in (-1, 2**63, 10**20)),
    ],
)
def test_an_acknowledgement_that_no_gate_sends_is_refused(name: str, wrong: object) -> None:
    with pytest.raises(ValidationError, match=name):
        PullArguments().load({"after": PLACE, "acknowledgement": {"gate": "gate_1", "position": 3} | {name: wrong}})


@pytest.mark.parametrize(
    "wrong",
    [{"epoch": ""}, {"epoch": "e" * 33}, {"epoch": "\0"}, {"hash": "a b"}, {"hash": "h" * 65}, {"position": 2**63}],
)
def test_a_place_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        PullArguments().load({"after": PLACE | wrong})
