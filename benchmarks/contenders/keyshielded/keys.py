"""`python -m benchmarks.contenders.keyshielded.keys FILE COUNT`: makes the tables and the keys, by the library."""

import asyncio
import sys
from pathlib import Path

from keyshield.repositories.sql import SqlAlchemyApiKeyRepository
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.contenders.keyshielded.site import engine, service


async def main(headers: Path, count: int) -> None:
    async with AsyncSession(engine) as session, session.begin():
        await SqlAlchemyApiKeyRepository(session).ensure_table(engine)
        secrets = [(await service(session).create(name=f"Key {number}"))[1] for number in range(count)]
    headers.touch(mode=0o600)
    headers.write_text("".join(f"Bearer {secret}\n" for secret in secrets))
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
