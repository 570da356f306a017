"""One resource behind a key, as keyshield's own documentation has it; tables are made before (keys.py)."""

import json
import os
from collections.abc import AsyncIterator
from typing import Annotated

from aiocache import SimpleMemoryCache
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from keyshield import ApiKey
from keyshield.api import create_depends_api_key
from keyshield.hasher.argon2 import Argon2ApiKeyHasher
from keyshield.repositories.sql import SqlAlchemyApiKeyRepository
from keyshield.services.cached import CachedApiKeyService
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.contenders.answer import BODY, HEADERS, PATH

_ANSWER = json.loads(BODY)
engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=20)
_sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)
_hasher, _cache = Argon2ApiKeyHasher(pepper=os.environ["SECRET_PEPPER"]), SimpleMemoryCache()


def service(session: AsyncSession) -> CachedApiKeyService:
    repository = SqlAlchemyApiKeyRepository(session)
    return CachedApiKeyService(repository, _hasher, _cache, min_delay=0, max_delay=0)


async def _service() -> AsyncIterator[CachedApiKeyService]:
    async with _sessions() as session, session.begin():
        yield service(session)


app = FastAPI()


@app.get(PATH)
async def constant(_key: Annotated[ApiKey, Depends(create_depends_api_key(_service))]) -> JSONResponse:
    return JSONResponse(_ANSWER, headers=HEADERS)
