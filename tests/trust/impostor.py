"""An impostor, who answers in place of keys and auth: with what an attacker records, makes, or asks for itself."""

import gzip
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import cycle

import msgspec

from shared.contracts import keys
from shared.eventsourcing.event_store import Head
from shared.gate.authentication.credential import digest_of
from shared.gate.grants import snapshot_stream
from shared.gate.grants.grant import Grant
from shared.replication.feed import FeedPage
from shared.replication.proof.signatures import Signer, new_private_key
from shared.replication.proof.signed_pages import SIGNATURE_HEADER, Question, new_nonce, sign_page
from tests.trust.attacker import Attacker
from tests.trust.forger import HINT, Victims, events_of_each_type, in_envelope
from tests.trust.middle import Asked, Told

_JSON = {"Content-Type": "application/json"}
_STREAM = {"Content-Type": snapshot_stream.CONTENT_TYPE, "Content-Encoding": "gzip"}
_SOMEBODY = Signer(new_private_key())
Lie = Callable[[Asked], Told | None]


class Impostor:
    """`told`: how often each lie was told. An answer for `Middle`: `page` or `snapshot`."""

    def __init__(self, attacker: Attacker, victims: Victims) -> None:
        self._attacker, self._victims = attacker, victims
        beginning = self._pull({})
        head = msgspec.json.decode(beginning.body, type=FeedPage).head
        nothing_new = self._pull({"epoch": head.epoch, "after": str(head.position), "hash": head.hash})
        self._grants = self._snapshot()
        self._lies: dict[str, dict[str, Lie]] = {
            "/internal/feed": {
                "a recorded page": lambda _: beginning,
                "a recorded nothing new": lambda _: nothing_new,
                "the answer to another gate's question": self._asked_by_the_attacker,
                "a page without a signature": lambda asked: Told(self._page(asked), _JSON),
                "a page signed by somebody": self._signed_by_somebody,
                "a page with a recorded signature": lambda asked: Told(self._page(asked), beginning.headers),
                "another log": lambda asked: Told(self._page(asked, diverged=True), nothing_new.headers),
            },
            "/internal/grants": {
                "a recorded snapshot": lambda _: Told(self._grants, _STREAM),
                "a snapshot without a signature": lambda _: self.snapshot_signed_by(None),
                "a snapshot signed by somebody": lambda asked: self.snapshot_signed_by(_SOMEBODY, asked),
                "half a snapshot": lambda _: Told(self._grants[: len(self._grants) // 2], _STREAM),
            },
        }
        self._next = {path: cycle(lies) for path, lies in self._lies.items()}
        self._lock = threading.Lock()
        self.told = Counter[str]()

    def lies(self, path: str) -> Sequence[str]:
        return tuple(self._lies[path])

    def answer(self, asked: Asked) -> Told | None:
        """The next lie; None: the truth, where no lie is told."""
        if asked.path not in self._lies:
            return None
        with self._lock:
            lie = next(self._next[asked.path])
        told = self._lies[asked.path][lie](asked)
        if told is not None:
            self.told[lie] += 1
        return told

    def answer_pulls(self, asked: Asked) -> Told | None:
        return self.answer(asked) if asked.path == "/internal/feed" else None

    def answer_a_few_snapshots(self, asked: Asked) -> Told | None:
        """Each lie once, then the truth."""
        is_over = all(self.told[lie] for lie in self._lies["/internal/grants"])
        return self.answer(asked) if asked.path == "/internal/grants" and not is_over else None

    def snapshot_signed_by(self, signer: Signer | None, asked: Asked | None = None) -> Told:
        """The genuine one, and the forged secret as an admin key in it."""
        lines = gzip.decompress(self._grants).split(b"\n")
        frame, *grants = lines[: lines.index(b"")]
        forged = Grant(
            key_id="key_forged",
            organisation_id=self._victims.organisation,
            digest=digest_of(self._victims.forged),
            hint=HINT,
            permissions=frozenset({"admin"}),
        )
        blocks = [frame, b"\n".join((*grants, msgspec.json.encode(forged)))]
        nonce = "" if asked is None else asked.query["nonce"]
        signing = None if signer is None else snapshot_stream.Signing(signer=signer, nonce=nonce)
        return Told(b"".join(snapshot_stream.compressed(blocks, signing)), _STREAM)

    def _pull(self, place: Mapping[str, str], nonce: str | None = None) -> Told:
        query = dict(place) | {"nonce": nonce or new_nonce(), "events": "5"}
        answer = self._attacker.door("keys").get("/internal/feed", params=query).raise_for_status()
        return Told(answer.content, _JSON | {SIGNATURE_HEADER: answer.headers[SIGNATURE_HEADER]})

    def _snapshot(self) -> bytes:
        query, headers = {"nonce": new_nonce()}, {"Accept": snapshot_stream.CONTENT_TYPE}
        with self._attacker.door("auth").stream("GET", "/internal/grants", params=query, headers=headers) as answer:
            return b"".join(answer.raise_for_status().iter_raw())

    def _asked_by_the_attacker(self, asked: Asked) -> Told | None:
        """In no gate's name, with the same nonce: what a follower that is no gate asks, and its answer is good."""
        if "gate" not in asked.query:
            return None
        place = {name: asked.query[name] for name in ("epoch", "after", "hash") if name in asked.query}
        return self._pull(place, asked.query["nonce"])

    def _signed_by_somebody(self, asked: Asked) -> Told:
        page, gate = self._page(asked), asked.query.get("gate")
        question = Question(nonce=asked.query["nonce"], after=_after(asked), gate=gate)
        return Told(page, _JSON | {SIGNATURE_HEADER: sign_page(_SOMEBODY, question, page)})

    def _page(self, asked: Asked, *, diverged: bool = False) -> bytes:
        """What follows the place that was asked about, with a forged key in it."""
        after = _after(asked) or Head(epoch="another log", position=0, hash="")
        (created,) = (event for event in events_of_each_type(self._victims) if isinstance(event, keys.KeyCreated))
        event = in_envelope(created, after)
        now = datetime.now(UTC)
        page = FeedPage(events=() if diverged else (event,), head=event.place, time=now, diverged=diverged, gates=1)
        return msgspec.json.encode(page)


def _after(asked: Asked) -> Head | None:
    if "epoch" not in asked.query:
        return None
    return Head(epoch=asked.query["epoch"], position=int(asked.query["after"]), hash=asked.query["hash"])
