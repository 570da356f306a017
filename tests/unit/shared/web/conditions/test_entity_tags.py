"""If-Match and If-None-Match: what is a list of tags, which revisions it names, and what a caller has already."""

import pytest

from shared.values.revision import RevisionDiffers
from shared.web.conditions.entity_tags import entity_tag, is_known, representation, seen_revisions
from shared.web.problems.catalogue import Problem

TAG = entity_tag(7, b"shown")


@pytest.mark.parametrize(
    "if_match",
    [TAG, TAG.removeprefix("W/"), '"7"', 'W/"7"', "7", '"1", "7"', f'"x" ,, {TAG} ,', '"a,b", "7"', "*", " * ", None],
)
def test_a_change_of_what_was_seen_passes_weak_or_strong_and_in_any_list(if_match: str | None) -> None:
    seen_revisions(if_match).check(7)


@pytest.mark.parametrize("if_match", ['"8"', '"0"', '""', '"x"', '"7x"', '"07x"', f'"1", {entity_tag(6, b"shown")}'])
def test_a_change_of_what_was_not_seen_is_refused(if_match: str) -> None:
    with pytest.raises(RevisionDiffers) as refused:
        seen_revisions(if_match).check(7)
    assert refused.value.actual == 7


def test_the_tag_of_what_has_no_revision_matches_nothing() -> None:
    with pytest.raises(RevisionDiffers):
        seen_revisions(entity_tag(None, b"")).check(0)


@pytest.mark.parametrize("header", ["", " ", ",", '"7', '7"', "seven", '"1" "7"', 'w/"7"', '*, "7"', '"a"b"', "-7"])
def test_what_is_no_list_of_tags_is_refused(header: str) -> None:
    for read in (seen_revisions, lambda text: is_known(TAG, text)):
        with pytest.raises(Problem) as refused:
            read(header)
        assert refused.value.type.name == "invalid-request"


def test_a_caller_has_what_all_of_the_tag_says() -> None:
    for header in (TAG, TAG.removeprefix("W/"), f'"x", {TAG}', "*"):
        assert is_known(TAG, header)
    for header in (entity_tag(7, b"other"), entity_tag(8, b"shown"), '"7"', "7"):
        assert not is_known(TAG, header)


def test_what_the_answer_says_of_itself_is_no_part_of_the_tag() -> None:
    assert representation({"data": 1, "meta": {"request_id": "a"}}) == representation({"data": 1})
    assert representation({"data": 1}) != representation({"data": 2})
