"""Checksum of a row: CRC-32 over its values, so that one flipped byte on a disk is noticed when the row is read.

It says nothing of changes made on purpose: that is what hashes and signatures are for.
"""

import zlib


def row_checksum(*values: str | int | None) -> int:
    """Of the values in their order. Lengths keep them from running together, and None is no text."""
    parts = []
    for value in values:
        if value is None:
            parts.append(b"-1:")
        else:
            encoded = str(value).encode("utf-8", "surrogateescape")
            parts.append(b"%d:%b" % (len(encoded), encoded))
    return zlib.crc32(b"".join(parts))


def fits(checksum: int | None, *values: str | int | None) -> bool:
    """Whether a stored checksum is that of the values. None: a release before checksums wrote the row."""
    return checksum is None or checksum == row_checksum(*values)
