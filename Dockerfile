# One image for every role: serve (the default), worker, db migrate, sample import.
#   docker build --tag vibe-search .
#   docker build --tag vibe-search --build-arg EXTRAS= .      without the sample library

FROM python:3.11-slim-bookworm AS build

ARG EXTRAS=demo
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# pip stays outside, so that what is copied from here cannot install anything
RUN python -m venv --without-pip /opt/venv
WORKDIR /source

# dependencies change less often than code: with the project still empty, their layer outlives an edit
COPY pyproject.toml constraints.txt ./
RUN mkdir app sql workers services models \
    && mkdir app/cli && touch README.md app/cli/vibe_search.py \
    && python -m pip --python /opt/venv/bin/python install --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}"

COPY . .
RUN python -m pip --python /opt/venv/bin/python install --no-deps --force-reinstall .


FROM python:3.11-slim-bookworm

# /data belongs to the user before it is a volume: an empty named volume takes over owner and mode
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin vibe \
    && install --directory --owner vibe --group vibe --mode 0750 /data
# the ONNX runtime's wheels report their use to its maker unless told not to
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 ORT_DISABLE_TELEMETRY=1 DATA_DIR=/data

# by number: what runs the image may have to prove that this is not root without reading its passwd file
USER 10001:10001
EXPOSE 8000
# /healthz, not /readyz: restarting this process mends nothing while only the database is away
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('HTTP_PORT', '8000') + '/healthz', timeout=4)"]
CMD ["vibe-search", "serve", "--host", "0.0.0.0"]
# last, for it is all that an edit of the code changes
COPY --from=build /opt/venv /opt/venv
