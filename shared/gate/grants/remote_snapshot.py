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
    def __init__(self, door: InternalClient) -> None:
        self._door = door

    def __call__(self) -> Snapshot | CompactSnapshot:
        """Raises FeedUnavailable."""
        try:
            with self._door.stream("/internal/grants", snapshot_stream.CONTENT_TYPE, SNAPSHOT_SECONDS_MAX) as answer:
                if snapshot_stream.CONTENT_TYPE in answer.headers.get("content-type", ""):
                    return snapshot_stream.read(answer.stream(_BLOCK_BYTES, decode_content=True))
                return msgspec.json.decode(answer.data, type=Snapshot)  # of an auth from before it streamed
        except (snapshot_stream.StreamBroken, msgspec.DecodeError) as error:
            raise FeedUnavailable(f"auth's snapshot cannot be read: {error}") from error
