"""Signatures of kept heads, checked: which were altered, or signed by nobody whom the log's service knows."""

from collections.abc import Iterable, Mapping

from shared.eventsourcing.audit import Anchor, Finding
from shared.replication.kept_heads import signed_head
from shared.replication.proof.signatures import KeyMalformed, Verifier


def forged(anchors: Iterable[Anchor], public_keys: Mapping[str, str]) -> tuple[Finding, ...]:
    """The first of each follower. `public_keys`: thumbprint → 32 bytes in base64. A checkpoint has no signature."""
    firsts: dict[str, Finding] = {}
    verifiers = verifiers_of(public_keys)
    for anchor in anchors:
        if anchor.signature and (problem := fault_of(anchor, verifiers)) is not None:
            position = anchor.checkpoint.position
            firsts.setdefault(anchor.follower, Finding(position=position, problem=f"{anchor.follower}: {problem}"))
    return tuple(firsts.values())


def fault_of(anchor: Anchor, verifiers: Mapping[str, Verifier]) -> str | None:
    """What is wrong with a head's signature; None: it holds."""
    verifier = verifiers.get(anchor.signer)
    if verifier is None:
        return "a kept head is signed by a key that this log's service never published"
    if not signed_head(anchor).is_signed(verifier):
        return "a kept head does not match its signature: it was altered"
    return None


def verifiers_of(public_keys: Mapping[str, str]) -> dict[str, Verifier]:
    """Thumbprint → verifier; those of malformed keys are left out."""
    return {name: verifier for name, key in public_keys.items() if (verifier := _verifier(key)) is not None}


def _verifier(public_key: str) -> Verifier | None:
    try:
        return Verifier([public_key])
    except KeyMalformed:
        return None
