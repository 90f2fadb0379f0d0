# syntax=docker/dockerfile:1
# The images of GopherPay:
#
#   docker build --target platform --tag gopherpay:0.1.0 .
#   docker build --target operator --tag gopherpay-operator:0.1.0 .
#
# Another package index goes in as a secret, and into no layer:
#   docker build --secret id=pip,src=pip.conf ...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# What is installed is named with its hash, and nothing is compiled.
FROM ${PYTHON_IMAGE} AS install
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_ONLY_BINARY=:all:
COPY --chmod=755 <<'SCRIPT' /usr/local/bin/install-locked
#!/bin/sh
# install-locked LOCK: into /opt/gopherpay, by the index of the build secret where there is one.
set -eu
[ ! -f /run/secrets/pip ] || export PIP_CONFIG_FILE=/run/secrets/pip
exec /opt/gopherpay/bin/pip install --no-cache-dir --require-hashes --requirement "$1"
SCRIPT
RUN python -m venv /opt/gopherpay

FROM install AS wheel
WORKDIR /src
COPY requirements-build.lock ./
RUN --mount=type=secret,id=pip install-locked requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY actors ./actors
COPY serve_app ./serve_app
COPY operator/gopherpay_operator ./operator/gopherpay_operator
RUN /opt/gopherpay/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --no-index \
      --wheel-dir /wheel .

# The environments are made apart from the source: a change of it leaves their layers as they are.
FROM install AS platform-environment
COPY requirements.lock ./
RUN --mount=type=secret,id=pip install-locked requirements.lock

FROM install AS operator-environment
COPY requirements-operator.lock ./
RUN --mount=type=secret,id=pip install-locked requirements-operator.lock

# tini ends the children of a process that is number one; bash and wget are what KubeRay's probes
# and commands are written in.
FROM ${PYTHON_IMAGE} AS base
RUN apt-get update \
 && apt-get install --yes --no-install-recommends bash tini wget \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/log/apt /var/log/dpkg.log \
 && groupadd --gid 10001 gopherpay \
 && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin gopherpay
ENV PATH=/opt/gopherpay/bin:$PATH HOME=/tmp LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
ENTRYPOINT ["tini", "--"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION}

FROM base AS operator
LABEL org.opencontainers.image.title=gopherpay-operator \
      org.opencontainers.image.description="Kafka, Postgres and Novu as resources of Kubernetes."
COPY --from=operator-environment /opt/gopherpay /opt/gopherpay
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir --no-deps --no-index /wheel/*.whl \
 && cd /opt/gopherpay/lib/python3.*/site-packages \
 && rm -rf actors serve_app ../../../bin/gopherpay
USER 10001:10001
CMD ["gopherpay-operator", "run"]

FROM base AS platform
LABEL org.opencontainers.image.title=gopherpay \
      org.opencontainers.image.description="A payment platform on Ray Serve."
COPY --from=platform-environment /opt/gopherpay /opt/gopherpay
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel \
    pip install --no-cache-dir --no-deps --no-index /wheel/*.whl \
 && cd /opt/gopherpay/lib/python3.*/site-packages \
 && rm -rf gopherpay_operator ../../../bin/gopherpay-operator
USER 10001:10001
EXPOSE 8000
CMD ["gopherpay", "up"]
