"""What collections refuse, as the problems that the API answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from services.usage.collection_errors import NoSuchItem
from shared.values.revision import RevisionDiffers
from shared.web.problems.catalogue import Problem
from shared.web.requests.etag import etag


@contextmanager
def as_problems() -> Iterator[None]:
    """Raises Problem for what is refused inside."""
    try:
        yield
    except NoSuchItem:
        raise Problem("not-found") from None
    except RevisionDiffers as refusal:
        raise Problem("precondition-failed", headers=etag(refusal.actual)) from None
