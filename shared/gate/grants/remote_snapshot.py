"""Client for the snapshot of all grants, from auth's internal API: a stream, decoded as it arrives."""

import msgspec

from shared.gate.grants import snapshot_stream
from shared.gate.grants.compact_grants import CompactSnapshot
from shared.gate.grants.grant import Snapshot
from shared.replication.feed import FeedUnavailable
from shared.replication.internal_client import InternalClient
from shared.replication.proof import unproved
from shared.replication.proof.signatures import Verifier
from shared.replication.proof.signed_pages import new_nonce

SNAPSHOT_SECONDS_MAX = 20.0
_BLOCK_BYTES = 64 * 1024


class RemoteSnapshot:
    def __init__(self, client: InternalClient, verifier: Verifier | None = None) -> None:
        """`verifier`: whose snapshots count; None: anybody's."""
        self._client, self._verifier = client, verifier

    def __call__(self) -> Snapshot | CompactSnapshot:
        """Fetches the snapshot. Raises FeedUnavailable."""
        nonce = new_nonce()
        query = {} if self._verifier is None else {"nonce": nonce}
        ask = self._client.stream("/internal/grants", query, snapshot_stream.CONTENT_TYPE, SNAPSHOT_SECONDS_MAX)
        try:
            with ask as answer:
                if self._verifier is not None:
                    demand = snapshot_stream.Demand(verifier=self._verifier, nonce=nonce)
                    return snapshot_stream.read_proved(answer.stream(_BLOCK_BYTES, decode_content=True), demand)
                if snapshot_stream.CONTENT_TYPE in answer.headers.get("content-type", ""):
                    return snapshot_stream.read(answer.stream(_BLOCK_BYTES, decode_content=True))
                return msgspec.json.decode(answer.data, type=Snapshot)  # from an older auth, which did not stream
        except (snapshot_stream.StreamBroken, msgspec.DecodeError) as error:
            if self._verifier is not None:
                unproved.count("snapshot")
            raise FeedUnavailable(f"auth's snapshot cannot be read: {error}") from error
