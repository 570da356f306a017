"""An answer on its way, with a short way to set what every answer has."""

import falcon


class Response(falcon.Response):
    def put(self, name: str, value: str) -> None:
        """Sets a header, as `set_header` does, whose name is in lower case already and whose value is text."""
        self._headers[name] = value
