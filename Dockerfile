# One image for every service: docker build --build-arg SERVICE=hub .
# BASE may be any image with Python 3.11 or newer that has venv, for places that cannot pull this one.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ARG SERVICE
WORKDIR /src
COPY requirements requirements
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
    && python3 -m venv /opt/xietong \
    && /opt/xietong/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY libs libs
COPY services services
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels \
        ./libs/contract ./libs/standard ./libs/exchange ./libs/client "./services/${SERVICE}" \
    && /opt/xietong/bin/pip install --no-cache-dir --no-index --find-links /wheels "xietong-${SERVICE}"

FROM ${BASE}
ARG SERVICE
# The numeric id lets an orchestrator see that the user is not root.
RUN useradd --uid 10001 --home-dir /var/lib/xietong --create-home xietong \
    && ln -s "/opt/xietong/bin/xietong-${SERVICE}" /usr/local/bin/xietong-service
COPY --from=build /opt/xietong /opt/xietong
ENV PYTHONUNBUFFERED=1 \
    XIETONG_CONFIG=/etc/xietong/${SERVICE}.toml \
    XIETONG_LISTEN=0.0.0.0:7000 \
    XIETONG_STATE_DIR=/var/lib/xietong
USER 10001
VOLUME /var/lib/xietong
EXPOSE 7000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/xietong-service"]
CMD ["serve"]
