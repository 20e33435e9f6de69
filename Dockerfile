# The image holds the program and the certificate authorities, no shell and no package manager.
# goreleaser lays out the directory that it is built from: see dockers_v2 in .goreleaser.yaml.
FROM scratch
ARG TARGETPLATFORM
COPY dist/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY ${TARGETPLATFORM}/jpsync /usr/bin/jpsync
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/bin/jpsync"]
