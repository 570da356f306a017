"""A signature proves one message, for one purpose, by one of those who are believed."""

import base64

import pytest

from shared.replication.proof.signatures import KeyMalformed, Signer, Verifier, new_private_key

ONE, OTHER, STRANGER = (Signer(base64.b64encode(bytes([number]) * 32).decode()) for number in (1, 2, 3))


def test_it_proves_the_message_for_its_purpose_and_nothing_else() -> None:
    signature, verifier = ONE.sign(b"page", b"told"), Verifier([ONE.public_key])
    assert verifier.verifies(b"page", b"told", signature)
    for purpose, message in ((b"push", b"told"), (b"page", b"told more"), (b"pag", b"etold"), (b"page\0", b"old")):
        assert not verifier.verifies(purpose, message, signature)


def test_while_a_key_is_replaced_both_are_believed_and_no_third() -> None:
    verifier = Verifier([ONE.public_key, OTHER.public_key])
    verdicts = [verifier.verifies(b"page", b"told", signer.sign(b"page", b"told")) for signer in (ONE, OTHER, STRANGER)]
    assert verdicts == [True, True, False]


@pytest.mark.parametrize(
    "signature", ["", "x", "é", "A" * 88, "AAAA", base64.b64encode(bytes(64)).decode()[:-1], "\ud800"]
)
def test_anything_may_stand_where_a_signature_belongs(signature: str) -> None:
    assert not Verifier([ONE.public_key]).verifies(b"page", b"told", signature)


def test_a_signature_has_one_spelling() -> None:
    """The last letter before the padding has four bits that mean nothing."""
    signature = ONE.sign(b"page", b"told")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    others = [f"{signature[:-3]}{letter}==" for letter in letters if letter != signature[-3]]
    same = [other for other in others if base64.b64decode(other) == base64.b64decode(signature)]
    assert len(same) == 15
    assert not any(Verifier([ONE.public_key]).verifies(b"page", b"told", other) for other in same)


def test_the_private_key_is_in_no_text_of_the_signer() -> None:
    private_key = new_private_key()
    signer = Signer(private_key)
    assert private_key not in f"{signer!r} {signer} {signer.public_key}"


@pytest.mark.parametrize("key", ["", "hunter2", base64.b64encode(bytes(31)).decode(), "ü" * 44])
def test_what_is_no_key_is_refused_and_not_quoted(key: str) -> None:
    for make in (lambda: Signer(key), lambda: Verifier([key])):
        with pytest.raises(KeyMalformed) as refused:
            make()
        assert not key or key not in str(refused.value)


def test_no_more_than_two_are_believed() -> None:
    for keys in ([], [ONE.public_key, OTHER.public_key, STRANGER.public_key]):
        with pytest.raises(KeyMalformed):
            Verifier(keys)
