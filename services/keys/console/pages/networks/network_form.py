"""Form of a network: what a person typed, as texts, and the settings that it makes. Rules are the API's. Pure."""

import hashlib
from collections.abc import Mapping

import msgspec
from marshmallow import Schema, fields, validate

from services.keys.console.pages.networks.network_states import NetworkSettings, NetworkState
from services.keys.console.rendering.form import Form
from shared.observability.redaction import redact
from shared.values.base62 import base62
from shared.values.names import NotAName, as_name
from shared.web.requests.texts import not_blank, plain_text, prose

TEXTS, CHOICES = ("name", "description"), ("api_access", "accepts_new", "archived")
NEW: Mapping[str, str] = {"name": "", "description": "", "api_access": "on", "accepts_new": "on", "archived": ""}
_ID_CHARACTERS = 22
Typed = dict[str, str]


class _Texts(Schema):
    name = fields.String(validate=[validate.Length(min=1, max=100), plain_text, not_blank])
    description = fields.String(validate=[validate.Length(max=1000), prose])


class NetworkFaulty(Exception):
    """The form cannot be taken. `fields`: those that are at fault."""

    def __init__(self, faults: frozenset[str]) -> None:
        self.fields = faults
        super().__init__(", ".join(sorted(faults)))


def typed_in(form: Form, prefix: str = "") -> Typed:
    """To be shown again: a key that somebody pasted is in no answer."""
    texts = {name: redact(form.text(prefix + name)).strip() for name in TEXTS}
    return texts | {name: "on" if form.text(prefix + name) == "on" else "" for name in CHOICES}


def typed_of(network: NetworkState) -> Typed:
    texts = {"name": network.name, "description": network.description or ""}
    return texts | {name: "on" if getattr(network, name) else "" for name in CHOICES}


def settings_of(form: Form) -> NetworkSettings:
    """Raises NetworkFaulty."""
    texts = {name: form.text(name).strip() for name in TEXTS}
    faults = set(_Texts().validate(texts))
    try:
        name = as_name(texts["name"])
    except NotAName:
        faults.add("name")
    if faults:
        raise NetworkFaulty(frozenset(faults))
    choices = {choice: form.text(choice) == "on" for choice in CHOICES}
    return NetworkSettings(name=name, description=texts["description"] or None, **choices)


def id_of(form: Form, person_id: str) -> str:
    """Of the network that this very form makes, as it was typed: sent again it is the same one."""
    asked = (person_id, form.attempt, typed_in(form))
    digest = hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).digest()
    return f"net_{base62(int.from_bytes(digest[:16]), _ID_CHARACTERS)}"
