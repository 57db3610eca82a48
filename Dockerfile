# One image for the three services:  docker run hexagonal-pager serve pager|policy|notifier   (or: up)
# Linted with hadolint. Never built where it was written, which had no engine; CI builds it and runs the tests in it.

# Everything for development, hash-checked; builds the wheel.
FROM python:3.12-slim-bookworm AS development
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements-dev.lock ./
RUN python -m venv /opt/development \
    && /opt/development/bin/pip install --require-hashes -r requirements-dev.lock
COPY . .
RUN /opt/development/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

# What the services need and nothing else.
FROM python:3.12-slim-bookworm AS builder
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/pager && /opt/pager/bin/pip install --require-hashes -r requirements.lock
COPY --from=development /wheels /wheels
RUN /opt/pager/bin/pip install --no-deps --no-index /wheels/*.whl

# docker build --target test -t hexagonal-pager:test . && docker run --rm hexagonal-pager:test pytest
FROM development AS test
RUN /opt/development/bin/pip install --no-deps --no-build-isolation -e . \
    && useradd --create-home --uid 10001 pager \
    && chown -R pager:pager /app
ENV PATH=/opt/development/bin:$PATH VENV=/opt/development
USER 10001
CMD ["pytest"]

FROM python:3.12-slim-bookworm AS runtime
RUN useradd --system --create-home --uid 10001 pager && install -d -o pager -g pager /data
COPY --from=builder /opt/pager /opt/pager
# In a container the network is the container's own; outside it the services listen on loopback only.
ENV PATH=/opt/pager/bin:$PATH \
    PYTHONUNBUFFERED=1 \
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
