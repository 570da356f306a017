"""A row's checksum notices any one changed byte, wherever it lies, and values that changed places."""

import pytest

from shared.values.row_checksum import fits, row_checksum

ROW = ("key_1", "d" * 64, None, '{"status":"revoked"}', 7)


def test_a_row_as_it_was_written_fits_and_one_of_a_release_without_checksums_is_let_pass() -> None:
    assert fits(row_checksum(*ROW), *ROW)
    assert fits(None, *ROW)


@pytest.mark.parametrize("place", range(len(ROW)))
def test_any_one_changed_byte_is_noticed(place: int) -> None:
    checksum, value = row_checksum(*ROW), ROW[place]
    text = "" if value is None else str(value)
    for at in range(len(text)):
        changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        assert not fits(checksum, *ROW[:place], changed, *ROW[place + 1 :])
    assert not fits(checksum, *ROW[:place], f"{text}x", *ROW[place + 1 :])


def test_values_do_not_run_together_and_none_is_no_text() -> None:
    assert row_checksum("ab", "c") != row_checksum("a", "bc")
    assert row_checksum(None) != row_checksum("")
