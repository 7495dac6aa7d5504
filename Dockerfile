# syntax=docker/dockerfile:1
# The line above brings the cache mounts below.

# The full image has the C compiler that the built-in SQLite needs. Its Debian is the runtime's,
# so that the program finds the C library it was linked with.
FROM rust:1.95-trixie AS build
WORKDIR /src
COPY . .
# --locked: exactly the dependencies that were tested. The program is copied out because a cache
# mount is not part of the image.
# For clients of Windows 98 to 7: `docker build --build-arg FEATURES=legacy-tls`. The image has the
# perl and make that OpenSSL is built with; it takes minutes, and is kept in the cache.
ARG FEATURES=
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --features "$FEATURES" && cp target/release/chrysalis /usr/local/bin/

FROM debian:trixie-slim
# The number is fixed so that a bind mount can be given to it. Only this user reads the database,
# and a new volume takes owner and mode from here.
RUN useradd --system --uid 10001 --shell /usr/sbin/nologin chrysalis \
    && install -d -o chrysalis -g chrysalis -m 0700 /data
COPY --from=build /usr/local/bin/chrysalis /usr/local/bin/chrysalis
USER chrysalis
# A config.toml in the volume is found here; the variables below win over it.
WORKDIR /data
VOLUME /data
# A container listens on all its addresses, because what reaches it is decided outside. Health and
# metrics stay inside; for a monitor elsewhere set the last one to 0.0.0.0:9463, the health check
# below finds it there as well. CHRYSALIS__ADVERTISE__HOST has no default that could be right: set it
# to the name or IPv4 address that clients use, see compose.yaml.
ENV CHRYSALIS__DATA_DIR=/data \
    CHRYSALIS__LISTEN__MSNP=0.0.0.0:1863 \
    CHRYSALIS__LISTEN__HTTP=0.0.0.0:8080 \
    CHRYSALIS__LISTEN__OPS=127.0.0.1:9463
EXPOSE 1863 8080
# https: put the certificate into the volume and set CHRYSALIS__TLS__CERTIFICATE and
# CHRYSALIS__TLS__KEY; port 8080 takes it then. Old clients want port 443, which this user may not
# open inside: set CHRYSALIS__LEGACY_TLS__LISTEN=0.0.0.0:8443 and publish it as 443.
# Needs no shell and no curl, and reads the same variables as the server.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["chrysalis", "healthcheck"]
# `docker run IMAGE user list` works as well as the server.
ENTRYPOINT ["chrysalis"]
CMD ["serve"]
