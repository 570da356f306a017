"""What proof adds to a push, a pull and a snapshot: processor time, with and without it, in turns of one run.

Processor time, because other processes may be at work. A push is made once and proved by each follower: four gates,
auth and usage, where each service has one process of a kind.
"""

import json
import statistics
import time
import zlib
from collections.abc import Callable
from functools import partial

import msgspec

from shared.gate.grants.snapshot_stream import Demand, Signing, compressed, read, read_proved
from shared.replication.feed import FeedPage
from shared.replication.proof.push_proof import PushProof
from shared.replication.proof.signatures import Signer, Verifier, new_private_key
from shared.replication.proof.signed_pages import new_nonce, question, require_proof, sign_page
from shared.replication.proof.signed_pushes import bodies
from shared.runtime.clock import SystemClock
from tests.gate_examples import MemoryLog, blocks_of, created, grant, snapshot_of

ROUNDS, TURNS = 9, 200
PAGE, GRANTS = 200, 20_000


def main() -> None:
    clock, signer = SystemClock(), Signer(new_private_key())
    verifier = Verifier([signer.public_key])
    log = MemoryLog(clock)
    log.append(*map(created, range(PAGE)))
    for count in (1, PAGE):
        page = log.events[:count]
        compare(
            f"push of {count}, made", lambda by, page=page: list(map(msgspec.json.encode, bodies(page, by))), signer
        )
        sent = [json.loads(msgspec.json.encode(body)) for body in bodies(page, signer)]
        compare(f"push of {count}, taken", lambda by, sent=sent: take(PushProof(by, clock), sent), verifier)
    for name, after in (("nothing new", log.head), (f"{PAGE} events", None)):
        feed_page = log.pull(after)
        asked = question(new_nonce(), after, None)
        compare(f"pull of {name}, answered", partial(answer, feed_page, asked), signer)
        encoded = msgspec.json.encode(feed_page)
        signature = sign_page(signer, asked, encoded)
        compare(f"pull of {name}, read", partial(take_page, encoded, asked, signature), verifier)
    snapshot = snapshot_of(*map(grant, range(GRANTS)), place=log.head)
    signing = Signing(signer=signer, nonce="n" * 22)
    compare(
        f"snapshot of {GRANTS}, sent",
        lambda by: list(compressed(blocks_of(snapshot), signing if by else None)),
        signer,
        turns=1,
    )
    text = {
        by: zlib.decompress(b"".join(compressed(blocks_of(snapshot), signing if by else None)), wbits=31)
        for by in (None, signer)
    }
    demand = Demand(verifier=verifier, nonce=signing.nonce)
    compare(
        f"snapshot of {GRANTS}, read",
        lambda by: read_proved([text[signer]], demand) if by else read([text[None]]),
        verifier,
        turns=1,
    )


def take(proof: PushProof, sent: list[dict[str, object]]) -> None:
    for body in sent:
        proof.take(body)


def answer(page: FeedPage, asked: object, signer: Signer | None) -> None:
    encoded = msgspec.json.encode(page)
    if signer is not None:
        sign_page(signer, asked, encoded)  # type: ignore[arg-type]


def take_page(encoded: bytes, asked: object, signature: str, verifier: Verifier | None) -> None:
    if verifier is not None:
        new_nonce()
        require_proof(verifier, asked, encoded, signature)  # type: ignore[arg-type]
    msgspec.json.decode(encoded, type=FeedPage)


def compare(name: str, step: Callable[..., object], by: object, *, turns: int = TURNS) -> None:
    without, with_proof = [], []
    for _ in range(ROUNDS):
        without.append(seconds(lambda: step(None), turns))
        with_proof.append(seconds(lambda: step(by), turns))
    before, after = (statistics.median(times) / turns * 1e6 for times in (without, with_proof))
    print(f"{name:32} {before:10.0f} µs  {after:10.0f} µs  +{after - before:.0f}")


def seconds(step: Callable[[], object], turns: int) -> float:
    began = time.process_time()
    for _ in range(turns):
        step()
    return time.process_time() - began


if __name__ == "__main__":
    main()
