# The services' image, and one for sensors, which has what reads seismology's formats besides. docker-compose.yml says
# which service a container is. What is fetched has the hashes of ops/pins (`make pins`), or is not installed.
FROM python:3.13.16-trixie AS build

WORKDIR /opt/grillo
COPY ops/pins/grillo.txt ops/pins/build.txt pins/
# mypyc reads the types of what is installed.
RUN pip install --no-cache-dir --require-hashes --requirement pins/grillo.txt --requirement pins/build.txt
COPY pyproject.toml setup.py README.md ./
COPY shared shared
COPY services services
# What each request goes through is compiled (docs/decisions/0035).
RUN COMPILE_GATE=1 pip wheel --no-build-isolation --no-deps --wheel-dir /wheels .

FROM python:3.13.16-slim-trixie AS grillo

COPY ops/pins/grillo.txt /opt/grillo/pins/
RUN pip install --no-cache-dir --require-hashes --requirement /opt/grillo/pins/grillo.txt
COPY --from=build /wheels /opt/grillo/wheels
# Volumes take their owner from the folders that they cover.
RUN pip install --no-cache-dir --no-deps /opt/grillo/wheels/*.whl \
    && useradd --uid 10001 --user-group --home-dir /tmp --no-create-home grillo \
    && install -d -o grillo -g grillo /var/lib/grillo/spool /var/lib/grillo/samples /var/lib/grillo/exports

# By number, so that what runs it can see that it is not root's. Its home is the one folder that it may write.
USER 10001:10001
ENV HOME=/tmp
ENTRYPOINT ["grillo"]

FROM grillo AS sensors

USER 0:0
COPY ops/pins/sensors.txt /opt/grillo/pins/
RUN pip install --no-cache-dir --require-hashes --requirement /opt/grillo/pins/sensors.txt
USER 10001:10001
