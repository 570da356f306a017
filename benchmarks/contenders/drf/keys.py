"""`python -m benchmarks.contenders.drf.keys FILE COUNT`: makes the tables and the keys, as the library makes each."""

import sys
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection


def main(headers: Path, count: int) -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    from rest_framework_api_key.models import APIKey  # only once Django is set up

    keys = [APIKey(name=f"Key {number}") for number in range(count)]
    secrets = [APIKey.objects.assign_key(key) for key in keys]
    APIKey.objects.bulk_create(keys, batch_size=5000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as it would be after a while in use
    headers.touch(mode=0o600)
    headers.write_text("".join(f"Api-Key {secret}\n" for secret in secrets))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
