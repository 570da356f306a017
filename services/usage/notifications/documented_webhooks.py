"""Messages to webhooks as the OpenAPI document lists them: one for each type of event that a channel may take."""

from marshmallow import fields

from services.usage.notifications.channel import EVENTS, TEST_EVENT
from shared.web.openapi.webhook import Webhook
from shared.web.operation import StrictSchema


class WebhookMessageSchema(StrictSchema):
    type = fields.String(required=True)
    timestamp = fields.AwareDateTime(required=True, metadata={"description": "when it happened"})
    data = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={"description": "ids and facts; keys by id and hint, never by name, and no secret"},
    )


WEBHOOKS = tuple(Webhook(name, f"A message of type {name}", WebhookMessageSchema) for name in (*EVENTS, TEST_EVENT))
