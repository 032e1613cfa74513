# The program on Debian 12:
#   docker build --tag autoround .
#   docker run --rm --volume "$PWD:/work" autoround quantize model --output model-W4A16
FROM swift:6.3-bookworm AS build
WORKDIR /source
COPY . .
# Git refuses folders of other users, and the version is that of the commit.
RUN git config --global --add safe.directory /source && Scripts/package && \
  mkdir /package && tar -xf out/autoround-*.tar.gz -C /package --strip-components 1

FROM debian:12-slim
RUN apt-get update && \
  apt-get install -y --no-install-recommends ca-certificates libcurl4 libgomp1 libstdc++6 \
    ocl-icd-libopencl1 && \
  rm -rf /var/lib/apt/lists/*
COPY --from=build /package /usr/local
WORKDIR /work
ENTRYPOINT ["autoround"]
CMD ["--help"]
