"""Client for the snapshot of all grants, from auth's internal API: a stream, decoded as it arrives."""

import msgspec

from shared.gate.grants import snapshot_stream
from shared.gate.grants.compact_grants import CompactSnapshot
from shared.gate.grants.grant import Snapshot
from shared.replication.feed import FeedUnavailable
from shared.replication.internal_client import InternalClient

SNAPSHOT_SECONDS_MAX = 20.0
_BLOCK_BYTES = 64 * 1024


class RemoteSnapshot:
    def __init__(self, client: InternalClient) -> None:
        self._client = client

    def __call__(self) -> Snapshot | CompactSnapshot:
        """Fetches the snapshot. Raises FeedUnavailable."""
        try:
            with self._client.stream("/internal/grants", snapshot_stream.CONTENT_TYPE, SNAPSHOT_SECONDS_MAX) as answer:
                if snapshot_stream.CONTENT_TYPE in answer.headers.get("content-type", ""):
                    return snapshot_stream.read(answer.stream(_BLOCK_BYTES, decode_content=True))
                return msgspec.json.decode(answer.data, type=Snapshot)  # from an older auth, which did not stream
        except (snapshot_stream.StreamBroken, msgspec.DecodeError) as error:
            raise FeedUnavailable(f"auth's snapshot cannot be read: {error}") from error
