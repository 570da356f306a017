"""Marshmallow schemas of seismic events over HTTP."""

from marshmallow import Schema

from services.sensors.http.product_form import page_of


class SeismicEventSchema(Schema):
    """One event of the catalogue."""


SeismicEventPageSchema = page_of(SeismicEventSchema, "SeismicEventPageSchema")
