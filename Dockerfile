# Runs `make repro` and `make test` from Debian and the package index alone:
#   docker build -t hanet . && docker run --rm -it hanet make repro
# Debian 13 has Python 3.13; that of Debian 12 is older than constraints.txt needs (3.11.5).
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
        ca-certificates chromium git iproute2 make python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home hanet
USER hanet
WORKDIR /home/hanet/pipeline
COPY --chown=hanet . .
RUN make env
CMD ["make", "help"]
