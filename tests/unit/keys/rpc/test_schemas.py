"""A receipt says of each gate over RPC what it says over HTTP: when it acknowledged, or that it was counted out."""

from services.keys.commands.command_inputs import Made, Revocation
from services.keys.http import representation
from services.keys.revocation.propagation import GateReceipt, Receipt
from services.keys.rpc.schemas import ReceiptAnswer, RevocationAnswer

RECEIPT = Receipt(
    position=7,
    propagated=True,
    elapsed_ms=40,
    gates=(GateReceipt(id="gate_a", applied_ms=3), GateReceipt(id="gate_b", applied_ms=None)),
)


def test_a_receipt_is_the_same_through_either_door() -> None:
    told = ReceiptAnswer().dump(RECEIPT)
    assert told["gates"] == [{"id": "gate_a", "applied_ms": 3}, {"id": "gate_b", "counted_out": True}]
    assert told == representation.receipt(RECEIPT)


def test_so_is_what_a_revoked_key_made() -> None:
    made = Made(ids=("key_a", "key_b"), renewed=("key_b",), is_complete=False)
    told = RevocationAnswer().dump(Revocation(receipt=RECEIPT, made=made))
    expected = {"made": ["key_a", "key_b"], "renewed": ["key_b"], "made_complete": False}
    assert told == representation.receipt(RECEIPT) | expected
    assert {name: tuple(value) if isinstance(value, list) else value for name, value in expected.items()} == (
        representation.made(made)
    )
