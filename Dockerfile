# The service, and the example agents it is tried with.
FROM rust:1.95-slim-bookworm AS build
# aws-lc is C; nothing else here needs more than the compiler.
RUN apt-get update && apt-get install -y --no-install-recommends cmake g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --release --locked --package procura --package procura-agents --bins \
    && install -D --target-directory=/out target/release/procura target/release/calendar target/release/planner

FROM debian:bookworm-slim
# ca-certificates: issuers are fetched by https. curl: health checks. openssl: deploy/compose makes its certificate with it.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl openssl && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --user-group --no-create-home procura
COPY --from=build /out/ /usr/local/bin/
USER 10001:10001
ENTRYPOINT ["procura"]
CMD ["--help"]
# Where the service listens, and with whose certificate, is up to its configuration: the health check is, too.
# docker-compose.yml has one.
