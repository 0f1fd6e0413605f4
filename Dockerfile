# The images of docker-compose.yml. Their layers are shared: whoever has one has most of the others.
#
#   bot         the bot; its ears compute on the CPU
#   bot-nvidia  the same, its ears on an NVIDIA card
#   tts         the speech server with its own small engines (espeak-ng, Piper, Kokoro)
#   tts-cloud   the same with OpenAI's package, for its voices
#   tts-xtts    the same with XTTS v2: on NVIDIA's cards as it stands, on AMD's with TORCH_INDEX (see compose.amd.yml)
#
# The virtual environment is made with the base image's pip, has no pip of its own, and is all that is taken from the
# stage that made it: no compiler, no package manager's cache and no index's address is left in an image.

FROM python:3.11.15-slim-bookworm AS packages
WORKDIR /build
COPY requirements.txt constraints.txt ./
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM packages AS packages-nvidia
COPY deploy/requirements-nvidia.txt deploy/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        -r deploy/requirements-nvidia.txt

FROM packages AS packages-cloud
COPY deploy/requirements-cloud-voice.txt deploy/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        -r deploy/requirements-cloud-voice.txt

FROM packages AS packages-xtts
ARG TORCH_INDEX=""
COPY requirements-xtts.txt ./
RUN if [ -n "$TORCH_INDEX" ]; then \
        PIP_INDEX_URL="$TORCH_INDEX" pip --python /opt/venv/bin/python install --no-cache-dir \
            --disable-pip-version-check "$(grep '^torch==' requirements-xtts.txt)"; \
    fi \
    && pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check -r requirements-xtts.txt

# Everything but the packages: the user, the folders that this user may write to, and the program. It is compiled here,
# because its folder is read-only later.
FROM python:3.11.15-slim-bookworm AS program
# llama.cpp's package wants OpenMP's library from the system; its version is the base image's release of Debian.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 seiyuu \
    && useradd --uid 10001 --gid seiyuu --no-create-home --home-dir /data --shell /usr/sbin/nologin seiyuu \
    && install -d -o seiyuu -g seiyuu -m 0750 /data /data/models /data/cache /data/cache/weights
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/data \
    DATA_DIR=/data \
    CACHE_DIR=/data/cache \
    TTS_VOICES_DIR=/data/voices \
    XTTS_MODEL=/data/models/xtts-v2 \
    HF_HUB_CACHE=/data/models/hub \
    SEIYUU_CONTAINER=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ORT_DISABLE_TELEMETRY=1 \
    HF_HUB_DISABLE_TELEMETRY=1 \
    DO_NOT_TRACK=1
WORKDIR /app
COPY LICENSE LICENSES-ENGINES.md requirements-weights.txt ./
COPY audio audio
COPY languages languages
COPY config config
COPY hardware hardware
COPY wire wire
COPY web_access web_access
COPY tts_server tts_server
COPY sandbox sandbox
COPY toys toys
COPY bot bot
RUN python -m compileall -q .
USER 10001:10001
STOPSIGNAL SIGTERM

FROM program AS bot
COPY --from=packages /opt/venv /opt/venv
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-m", "bot", "health"]
CMD ["python", "-m", "bot", "run"]

FROM program AS bot-nvidia
COPY --from=packages-nvidia /opt/venv /opt/venv
ENV LD_LIBRARY_PATH=/opt/venv/lib/python3.11/site-packages/nvidia/cublas/lib
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-m", "bot", "health"]
CMD ["python", "-m", "bot", "run"]

FROM program AS tts
COPY --from=packages /opt/venv /opt/venv
EXPOSE 8765
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-m", "tts_server.healthy"]
CMD ["python", "-m", "tts_server"]

FROM program AS tts-cloud
COPY --from=packages-cloud /opt/venv /opt/venv
EXPOSE 8765
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-m", "tts_server.healthy"]
CMD ["python", "-m", "tts_server"]

FROM program AS tts-xtts
COPY --from=packages-xtts /opt/venv /opt/venv
EXPOSE 8765
HEALTHCHECK --interval=15s --timeout=5s --start-period=300s --retries=3 \
    CMD ["python", "-m", "tts_server.healthy"]
CMD ["python", "-m", "tts_server"]
