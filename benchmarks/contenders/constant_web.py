"""`python -m benchmarks.contenders.constant_web`: a web process of sensors whose only resource answers a constant.

All of the gate is there, and nothing behind it costs.
"""

from marshmallow import Schema, fields

from benchmarks.contenders.answer import CONTENT, PATH
from services.distributed import web
from services.sensors.assembly import Sensors
from shared.gate.grants.replica import Replica
from shared.web.operation import Answer, Call, operation
from shared.web.requests.client_address import TrustedProxies
from shared.web.route import Route


class ConstantSchema(Schema):
    data = fields.List(fields.Dict(), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class Constant:
    @operation("Answer a constant", tag="Events", permission="events:read", answers=ConstantSchema)
    def on_get(self, call: Call[None, None]) -> Answer:
        return Answer(body=CONTENT)


def routes(self: Sensors, replica: Replica, _proxies: TrustedProxies) -> list[Route]:
    return [Route(PATH, Constant())]


# When this module is imported: also in the worker, which Granian starts afresh from it.
Sensors.routes = routes  # type: ignore[method-assign]

if __name__ == "__main__":
    web.main("sensors", "public")
