# One image for the three services:  docker run hexagonal-pager serve pager|policy|notifier   (or: up)
# `make image` builds it with docker, podman or buildah; BASE may be any Debian with Python 3.11 or newer and its venv module.
ARG BASE=python:3.12-slim-bookworm

# The two secrets are for builders behind an index or a certificate authority of their own; nothing of them is kept.
# hadolint ignore=DL3006
FROM ${BASE} AS development
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements-dev.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv /opt/development \
    && /opt/development/bin/pip install --require-hashes -r requirements-dev.lock
COPY . .
RUN /opt/development/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

# What the services need and nothing else. Byte code is checked by content: a copied file has another time.
# hadolint ignore=DL3006
FROM ${BASE} AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=certificates,target=/etc/ssl/certs/ca-certificates.crt \
    python3 -m venv /opt/pager \
    && /opt/pager/bin/pip install --no-compile --require-hashes -r requirements.lock
COPY --from=development /wheels /wheels
RUN /opt/pager/bin/pip install --no-compile --no-deps --no-index /wheels/*.whl \
    && /opt/pager/bin/pip uninstall --yes pip \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/pager/lib

# docker run --rm hexagonal-pager:test pytest
FROM development AS test
RUN /opt/development/bin/pip install --no-deps --no-build-isolation -e . \
    && scripts/find_prometheus.sh \
    && useradd --create-home --uid 10001 pager \
    && chown -R pager:pager /app
ENV PATH=/opt/development/bin:$PATH VENV=/opt/development
USER 10001
CMD ["pytest"]

# hadolint ignore=DL3006
FROM ${BASE} AS runtime
RUN useradd --system --create-home --uid 10001 pager && install -d -o pager -g pager /data
COPY --from=builder /opt/pager /opt/pager
# In a container the network is the container's own; outside it the services listen on loopback only. Beyond loopback
# they refuse to start without certificates: give PAGERD_TLS_CERT, PAGERD_TLS_KEY and PAGERD_TLS_CA (docs/security.md),
# or PAGERD_INSECURE=1 in a network where everybody may read and change what is said.
ENV PATH=/opt/pager/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PAGERD_DATA=/data \
    PAGER_LISTEN=0.0.0.0:50051 \
    POLICY_LISTEN=0.0.0.0:50052 \
    NOTIFIER_LISTEN=0.0.0.0:50053
WORKDIR /data
VOLUME /data
EXPOSE 50051 50052 50053
USER 10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["pagerd", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["pagerd"]
CMD ["up"]
ARG VERSION=0 REVISION=unknown
LABEL org.opencontainers.image.title="hexagonal-pager" \
    org.opencontainers.image.description="A pager for on-call engineers: three gRPC microservices" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
