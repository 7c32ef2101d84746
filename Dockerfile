# The static binary and the certificates of public authorities, nothing else: no shell, no package manager, no user that could become root.
# The context is a folder with both, for each architecture:
#
#   mkdir -p image/amd64 && gzip -dc sprag-compare-x86_64-unknown-linux-musl.gz > image/amd64/sprag-compare
#   chmod 755 image/*/sprag-compare && cp /etc/ssl/certs/ca-certificates.crt image/
#   docker build --file Dockerfile --tag sprag-compare image
FROM scratch
ARG TARGETARCH=amd64
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --chmod=755 ${TARGETARCH}/sprag-compare /sprag-compare
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/sprag-compare"]
