"""Records with their moments as the tables have them: converted once for all that count them."""

from collections.abc import Iterable

from shared.contracts.usage import RequestRecord
from shared.values.timestamps import to_microseconds

Dated = tuple[int, RequestRecord]  # microseconds since 1970


def dated(records: Iterable[RequestRecord]) -> list[Dated]:
    return [(to_microseconds(record.at), record) for record in records]
