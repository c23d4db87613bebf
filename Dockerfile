# One image for SageMaker: `train`, `serve` and `evaluate` on PATH, the libraries that they load,
# and nothing else. No shell, no package manager, no user, no entrypoint (docs/sagemaker.md,
# 1.2 to 1.7). ARCHITECTURE.md has the reasons for FROM scratch.
#
#   docker build -t movie-recommender .
#
# Builds with BuildKit and with the classic builder. All arguments are optional:
#
#   BASE                     the base image by another name, e.g. that of a private mirror
#   DEBIAN_MIRROR            source of packages, e.g. http://mirror.internal/debian, and
#   DEBIAN_SECURITY_MIRROR   of security updates; default: as configured in BASE
#   http_proxy, https_proxy, no_proxy   as in every build
#   TARGETARCH               amd64 or arm64; --platform sets it under BuildKit
#   BUILDER                  the platform that compiles, if not the machine's: amd64 on an arm64
#                            machine is not cross-built, but can be emulated
#   REVISION, SOURCE         git revision and address of the source, for the labels
#   SOURCE_DATE_EPOCH        the time stamp of all files; the same commit gives the same layers
#   BUILD_FOLDER             where it is compiled; the image does not depend on it (a test tries two)
ARG BASE=debian:bookworm-slim
# Where BuildKit does not name the platform of the machine, "linux" is the engine's own.
ARG BUILDER=${BUILDPLATFORM:-linux}

FROM --platform=${BUILDER} ${BASE} AS build
ARG DEBIAN_MIRROR
ARG DEBIAN_SECURITY_MIRROR
ARG TARGETARCH
WORKDIR /source
# Another architecture is cross-built, with its libraries in a folder of their own.
ENV MF_ARM64_SYSROOT=/sysroot-arm64
COPY script/bootstrap script/progress.bash script/debian-mirror script/sysroot script/
RUN script/debian-mirror "$DEBIAN_MIRROR" "$DEBIAN_SECURITY_MIRROR" \
    && native=$(dpkg --print-architecture) \
    && if [ "${TARGETARCH:-$native}" = "$native" ]; then script/bootstrap --image; \
       else script/bootstrap "--image-$TARGETARCH"; fi

COPY . .
ARG BUILD_FOLDER=/build
ARG SOURCE_DATE_EPOCH=0
RUN if [ -d "/sysroot-$TARGETARCH" ]; then set -- --toolchain "cmake/$TARGETARCH.cmake"; export SYSROOT="/sysroot-$TARGETARCH"; fi \
    && cmake -S . -B "$BUILD_FOLDER" -G Ninja -DMF_DEVELOPMENT=OFF "$@" \
    && cmake --build "$BUILD_FOLDER" --target train serve evaluate mfmpi \
    && script/image-root /image "$BUILD_FOLDER/bin/train" "$BUILD_FOLDER/bin/serve" "$BUILD_FOLDER/bin/evaluate" \
        "$BUILD_FOLDER/lib/libmfmpi.so"

FROM scratch
COPY --from=build /image /
ENV PATH=/usr/local/bin
EXPOSE 8080
# Without an argument the image prints the usage on stderr and exits with 2.
CMD ["serve", "--usage"]

ARG VERSION=0.2.0
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="movie-recommender" \
      org.opencontainers.image.description="Trains and serves a recommender in Amazon SageMaker" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true"
