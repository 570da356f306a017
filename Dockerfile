# The services' image, and one for sensors, which has what reads seismology's formats besides. docker-compose.yml says
# which service a container is.
FROM python:3.13.16-trixie AS build

WORKDIR /opt/grillo
COPY pyproject.toml setup.py constraints.txt README.md ./
COPY shared shared
COPY services services
# What each request goes through is compiled (docs/decisions/0035). mypyc reads the types of what is installed.
RUN pip install --no-cache-dir --constraint constraints.txt mypy setuptools . \
    && COMPILE_GATE=1 pip wheel --no-build-isolation --no-deps --wheel-dir /wheels .

FROM python:3.13.16-slim-trixie AS grillo

COPY constraints.txt /opt/grillo/
COPY --from=build /wheels /opt/grillo/wheels
# Volumes take their owner from the folders that they cover.
RUN pip install --no-cache-dir --constraint /opt/grillo/constraints.txt /opt/grillo/wheels/*.whl \
    && useradd --uid 10001 --user-group --home-dir /tmp --no-create-home grillo \
    && install -d -o grillo -g grillo /var/lib/grillo/spool /var/lib/grillo/samples /var/lib/grillo/exports

# By number, so that what runs it can see that it is not root's. Its home is the one folder that it may write.
USER 10001:10001
ENV HOME=/tmp
ENTRYPOINT ["grillo"]

FROM grillo AS sensors

USER 0:0
RUN pip install --no-cache-dir --constraint /opt/grillo/constraints.txt "$(echo /opt/grillo/wheels/*.whl)[sensors]"
USER 10001:10001
