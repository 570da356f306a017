"""Django's settings, by the names that Django asks for."""

import os
from urllib.parse import urlsplit

_database = urlsplit(os.environ["DATABASE_URL"])

DEBUG = False
SECRET_KEY = "of a benchmark: nothing is signed with it"  # noqa: S105
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.contenders.drf.site"
INSTALLED_APPS = ["rest_framework", "rest_framework_api_key"]
MIDDLEWARE: list[str] = []
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _database.hostname,
        "PORT": _database.port,
        "USER": _database.username,
        "PASSWORD": _database.password,
        "NAME": _database.path.lstrip("/"),
        "CONN_MAX_AGE": None,
    }
}
# Django's default; its entries by default are 300, which would forget nearly every key between two requests of it.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 1_000_000},
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework_api_key.permissions.HasAPIKey"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_THROTTLE_CLASSES": [
        "benchmarks.contenders.drf.throttles.MinuteThrottle",
        "benchmarks.contenders.drf.throttles.DayThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {"minute": "300/min", "day": "100000/day"},
    "UNAUTHENTICATED_USER": None,
}
