# Parlance as an image: built from the sources alone, run as nobody in particular.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
# The lock file and the prepared queries decide what is built; no database is asked.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package api --bin parlance \
    && cp target/release/parlance /usr/local/bin/parlance

FROM debian:bookworm-20260918-slim
COPY --from=build /usr/local/bin/parlance /usr/local/bin/parlance
# Whom to believe when S3 and push services are reached over TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 10001:10001
ENV PARLANCE_ADDR=0.0.0.0:8080 \
    PARLANCE_LOG_FORMAT=json
EXPOSE 8080
# With what bash has: a client would be the only other program in the image.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["parlance"]
CMD ["serve"]
