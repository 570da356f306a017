# One image for all services; docker-compose.yml says which one a container is.
FROM python:3.11-bookworm AS build

WORKDIR /opt/grillo
COPY pyproject.toml setup.py constraints.txt README.md ./
COPY shared shared
COPY services services
# What each request goes through is compiled (docs/decisions/0035). mypyc reads the types of what is installed.
RUN pip install --no-cache-dir --constraint constraints.txt mypy setuptools . \
    && COMPILE_GATE=1 pip wheel --no-build-isolation --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm

COPY constraints.txt /opt/grillo/
COPY --from=build /wheels /opt/grillo/wheels
RUN pip install --no-cache-dir --constraint /opt/grillo/constraints.txt /opt/grillo/wheels/*.whl \
    && useradd --system --uid 10001 grillo \
    && install -d -o grillo -g grillo /var/lib/grillo/spool /var/lib/grillo/samples \
       /var/lib/grillo/exports

USER grillo
VOLUME /var/lib/grillo/spool /var/lib/grillo/samples /var/lib/grillo/exports
ENTRYPOINT ["grillo"]
