"""Webhook of the OpenAPI document: a message that this API sends. A resource lists those it is about as `webhooks`."""

from typing import Any, NamedTuple

from marshmallow import Schema

_HEADERS = {
    "webhook-id": "the same for the same message, however often it is sent",
    "webhook-timestamp": "when this was sent, in Unix seconds",
    "webhook-signature": "signatures of id, timestamp and body, as of Standard Webhooks",
}


class Webhook(NamedTuple):
    name: str
    summary: str
    payload: type[Schema]


def webhook_item(webhook: Webhook) -> dict[str, Any]:
    return {
        "post": {
            "operationId": f"receive{webhook.name}",
            "summary": webhook.summary,
            "description": "Verify the signature, answer with any 2xx, and take the same `webhook-id` once.",
            "tags": ["Webhooks"],
            "security": [],
            "parameters": [
                {"in": "header", "name": name, "required": True, "description": text, "schema": {"type": "string"}}
                for name, text in _HEADERS.items()
            ],
            "requestBody": {"required": True, "content": {"application/json": {"schema": webhook.payload}}},
            "responses": {"200": {"description": "received"}},
        }
    }
