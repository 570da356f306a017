# One image for all services; docker-compose.yml says which one a container is.
FROM python:3.11-slim-bookworm

WORKDIR /opt/grillo
COPY pyproject.toml constraints.txt README.md ./
COPY shared shared
COPY services services
RUN pip install --no-cache-dir --constraint constraints.txt . \
    && useradd --system --uid 10001 grillo \
    && install -d -o grillo -g grillo /var/lib/grillo/spool

USER grillo
VOLUME /var/lib/grillo/spool
ENTRYPOINT ["grillo"]
