# Blueoil's command line in a container: `make build`. How it is used: docs/docker.md.
# Targets: cpu, gpu, and inference, which is what a device needs to run an output package.
ARG BASE=debian:bookworm-slim

# The folders of a user are mounted below /home/blueoil, and any user may work there.
FROM ${BASE} AS python
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s python3 /usr/bin/python \
    && mkdir -m 1777 /home/blueoil
WORKDIR /home/blueoil

# Debian's own packages, since a board's processor has wheels of neither numpy nor Pillow.
FROM python AS inference
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-numpy python3-pil python3-yaml \
    && rm -rf /var/lib/apt/lists/*
COPY --chmod=0755 docker/entrypoint /usr/local/bin/entrypoint
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["bash"]

# What convert proves ARM and the FPGA with, without the rest of these packages.
FROM ${BASE} AS tools
WORKDIR /packages
RUN apt-get update \
    && apt-get download qemu-user-static verilator libc6-armhf-cross libc6-arm64-cross \
    && for package in *.deb; do dpkg --extract "$package" .; done \
    && mkdir -p /tools/usr/bin /tools/usr/share/verilator \
    && for machine in arm aarch64; do mv "usr/bin/qemu-$machine-static" "/tools/usr/bin/qemu-$machine"; done \
    && mv usr/bin/verilator_bin /tools/usr/bin/verilator \
    && mv usr/share/verilator/include /tools/usr/share/verilator/ \
    && mv usr/arm-linux-gnueabihf usr/aarch64-linux-gnu /tools/usr/

FROM python AS uv
ARG UV_VERSION=0.13.9
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/opt/blueoil UV_PYTHON_DOWNLOADS=never
WORKDIR /source
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
    && python -m venv /opt/uv && /opt/uv/bin/pip install "uv==${UV_VERSION}"

# What every kind of image needs, then TensorFlow for one of them: all of uv.lock's versions.
FROM uv AS packages
COPY pyproject.toml uv.lock ./
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
    && /opt/uv/bin/uv sync --frozen --no-dev --no-install-project

FROM packages AS packages-cpu
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
    && /opt/uv/bin/uv sync --frozen --no-dev --no-install-project --extra cpu

# Blueoil alone, so that a changed line of it changes a small layer.
FROM uv AS blueoil
COPY pyproject.toml setup.py README.md LICENSE ./
COPY blueoil blueoil
COPY lmnet lmnet
COPY dlk dlk
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
    && python -m venv --without-pip /opt/blueoil \
    && /opt/uv/bin/uv pip install --python /opt/blueoil/bin/python --no-deps .

# The compiler's caches, which would cost the first convert minutes. They know sources by what these hold, not by where
# they lie, and none outside of dlk.
FROM packages AS caches
COPY --from=tools /tools /
COPY dlk dlk
COPY docker/warm.py ./
ENV BLUEOIL_CACHE=/opt/caches
RUN /opt/blueoil/bin/python warm.py compiler && chmod -R a+rX /opt/caches
RUN --mount=type=cache,target=/root/.cache /opt/blueoil/bin/python warm.py simulator && chmod -R a+rX /opt/caches

# What seldom changes comes first.
FROM python AS commands
RUN apt-get update \
    && apt-get install -y --no-install-recommends device-tree-compiler \
    && rm -rf /var/lib/apt/lists/*
COPY --from=tools /tools /
ENV PATH=/opt/blueoil/bin:$PATH

FROM commands AS cpu
COPY --from=packages-cpu /opt/blueoil /opt/blueoil
COPY --from=blueoil /opt/blueoil /opt/blueoil
COPY --from=caches /opt/caches /opt/caches
COPY --chmod=0755 docker/entrypoint /usr/local/bin/entrypoint
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["blueoil", "--help"]

FROM packages AS packages-gpu
RUN --mount=type=secret,id=ca --mount=type=cache,target=/root/.cache \
    if [ -s /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca; fi \
    && /opt/uv/bin/uv sync --frozen --no-dev --no-install-project --extra gpu

FROM commands AS gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=packages-gpu /opt/blueoil /opt/blueoil
COPY --from=blueoil /opt/blueoil /opt/blueoil
COPY --from=caches /opt/caches /opt/caches
COPY --chmod=0755 docker/entrypoint /usr/local/bin/entrypoint
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["blueoil", "--help"]

# Without --target, the one that every machine runs.
FROM cpu
