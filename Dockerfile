# The command line in a container: `docker build -t blueoil .`, then `docker run --rm -it -v $PWD:/home/blueoil blueoil blueoil --help`.
FROM python:3.11-slim-bookworm AS cpu

ENV PATH=/opt/blueoil/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /opt/blueoil

COPY pyproject.toml uv.lock setup.py README.md LICENSE ./
RUN python -m venv .venv && pip install --no-cache-dir "uv>=0.6" && uv sync --frozen --compile-bytecode --no-dev --extra cpu --no-install-project --no-cache

COPY blueoil blueoil
COPY lmnet lmnet
COPY dlk dlk
RUN uv sync --frozen --compile-bytecode --no-dev --extra cpu --no-editable --no-cache && useradd --create-home --uid 1000 blueoil

COPY docker/entrypoint /usr/local/bin/entrypoint
WORKDIR /home/blueoil
USER 1000
ENTRYPOINT ["/usr/local/bin/entrypoint"]
CMD ["blueoil", "--help"]
