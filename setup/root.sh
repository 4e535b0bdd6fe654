# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the other scripts: how to exit with a message, and how to run a command as root.

fail() {
  printf 'featherbench set-up: %s\n' "$*" >&2
  exit 1
}

# sudo drops the variables that name the proxies.
as_root() {
  local name
  local -a proxies=()
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    for name in {http,https,no}_proxy {HTTP,HTTPS,NO}_PROXY; do
      [[ -z ${!name-} ]] || proxies+=("$name=${!name}")
    done
    sudo -- env "${proxies[@]}" "$@"
  else
    fail "this step needs root, and there is no sudo: run it again as root (the step was: $*)"
  fi
}

# Prints what to do about a failure, by the words of the program in "$1".
advice() {
  case $1 in
  *"o space left on device"* | *"enough free space"*) echo "make room on the disk" ;;
  *[Rr]"ead-only file system"*) echo "that file system is mounted read-only" ;;
  *"assword is required"* | *"erminal is required"* | *"sudoers"*) echo "run it as root, or where sudo can ask you" ;;
  *"Could not get lock"* | *"Unable to acquire the dpkg"*) echo "let the other program end that installs packages" ;;
  *"dpkg was interrupted"*) echo "run 'dpkg --configure -a'" ;;
  *"ertificate "*"erif"* | *CERTIFICATE_VERIFY_FAILED*) echo "install ca-certificates and your proxy's, and see the clock" ;;
  *"not valid yet"* | *"elease file"*expired*) echo "set this machine's clock" ;;
  *"MATCH THE HASHES"*) echo "the package index gave other files: use another index (PIP_INDEX_URL)" ;;
  *"407"* | *ProxyError* | *"from proxy"*) echo "correct the proxy that http_proxy, https_proxy or apt's configuration names" ;;
  *"Could not "[cr]* | *"emporary failure"* | *"onnection refused"* | *"timed out"* | *"etwork is unreachable"* | *"Failed to fetch"*)
    echo "is the network up? A proxy is named by http_proxy and https_proxy, which are passed on, or by apt's configuration"
    ;;
  *"Unable to locate package"* | *"no installation candidate"*) echo "run 'apt-get update', or add the sources that have it" ;;
  *"ermission denied"* | *"not permitted"*) echo "run it as the user who owns this folder" ;;
  *) echo "its messages are above" ;;
  esac
}
