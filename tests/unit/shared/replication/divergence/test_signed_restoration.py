"""A restore that was accepted is keys' own word: any change to it is seen."""

from datetime import timedelta

from shared.eventsourcing.epochs import LogRestored
from shared.replication.divergence.signed_restoration import is_signed, signed
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from tests.examples import NOON

RESTORED = LogRestored(
    from_epoch="a", common_position=90, position=90, hash="90", to_epoch="c", reason="a drill", restored_at=NOON
)


def test_any_change_to_a_signed_restoration_is_seen() -> None:
    signer = Signer(new_private_key())
    verifier, event = Verifier([signer.public_key]), signed(RESTORED, signer)
    assert is_signed(event, verifier)
    assert not is_signed(event, Verifier([Signer(new_private_key()).public_key]))
    different = {
        "from_epoch": "b",
        "common_position": 89,
        "position": 91,
        "hash": "91",
        "to_epoch": "d",
        "reason": "another",
        "other_epochs": ("b",),
        "restored_at": NOON + timedelta(microseconds=1),
        "signer": "another",
    }
    for name, value in different.items():
        members = {field: getattr(event, field) for field in LogRestored.__slots__} | {name: value}
        assert not is_signed(LogRestored(**members), verifier), name
