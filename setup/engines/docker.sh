# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Sourced by engine.sh: what is special about Docker; see daemon.sh.
NAME="the Docker engine"
PROGRAM=dockerd
UNITS=(docker)
# The engine's own networks stay within the addresses for benchmarking (RFC 2544), as all of ours do.
ADDRESSES=(--bip 198.18.254.1/24 --default-address-pool "base=198.18.128.0/17,size=24")

SOCKETS=(/var/run/docker.sock)
[[ ${DOCKER_HOST-} != unix://* ]] || SOCKETS=("${DOCKER_HOST#unix://}" "${SOCKETS[@]}")
# Podman answers in the words of Docker; it stands in for it where there is no Docker to start.
if ! command -v dockerd >/dev/null; then
  SOCKETS+=(/run/podman/podman.sock)
  UNITS=(podman.socket)
fi

answers() {
  answers_at /_ping "${SOCKETS[@]}" || return
  [[ $answering != *podman* ]] || echo "featherbench set-up: Podman answers in Docker's place, at $answering"
}

start_plain() {
  local -a options=("${ADDRESSES[@]}")
  [[ ! -f /etc/docker/daemon.json ]] || options=() # the owner's own settings win; given twice, dockerd refuses them
  mount_cgroups
  drop_stale_pid /var/run/docker.pid dockerd
  drop_stale_pid /var/run/docker/containerd/containerd.pid containerd
  detached dockerd "${options[@]}"
}
