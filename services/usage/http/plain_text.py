"""Plain text: validation of short texts that people write and that are shown, logged or sent as they are."""

from marshmallow import ValidationError

from shared.observability.redaction import redact
from shared.web.requests.query_parameters import has_control_characters


def plain(text: str) -> None:
    """Raises marshmallow.ValidationError."""
    if has_control_characters(text) or redact(text) != text:
        raise ValidationError("must not contain control characters or an API key")
