"""One view behind key and throttles, and the WSGI application that serves it."""

import json
from typing import Any

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

# ruff: noqa: E402  these read the settings when they are imported
from django.urls import path
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.contenders.answer import BODY, HEADERS, PATH

_ANSWER = json.loads(BODY)


class Constant(APIView):
    def get(self, _request: Any) -> Any:
        return Response(_ANSWER, headers=HEADERS)


urlpatterns = [path(PATH.lstrip("/"), Constant.as_view())]
