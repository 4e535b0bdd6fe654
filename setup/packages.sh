#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of packages.txt, and a Python where there is none that serves. It asks the package
# database each time instead of keeping a stamp: right also after somebody removed a package, and as quick.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source "$here/root.sh"
source "$here/interpreter.sh"
PATH=$PATH:/usr/sbin:/sbin # a user's PATH on Debian lacks them, and dockerd is there

wanted() {
  local package unless command
  while read -r package unless command; do
    if [[ -z $unless ]] || ! command -v "$command" >/dev/null; then
      echo "$package"
    fi
  done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/packages.txt")
}

missing() {
  local -a packages
  mapfile -t packages < <(wanted)
  # dpkg-query fails when it does not know one of them, and still tells about the others.
  comm -23 <(printf '%s\n' "${packages[@]}" | sort) \
    <({ dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true; } |
      sed -n 's/^installed //p' | sort)
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

main() {
  local -a packages pythons=()
  mapfile -t packages < <(missing)
  if [[ ${#packages[@]} -eq 0 ]] && find_python >/dev/null; then
    return
  fi
  command -v apt-get >/dev/null ||
    fail "this is neither Debian nor Ubuntu: install what setup/packages.txt names, and ${SUPPORTED_PYTHONS[*]: -1} or newer"
  apt update || echo "featherbench set-up: some package lists could not be refreshed; going on without" >&2
  if ! find_python >/dev/null; then
    mapfile -t pythons < <(python_packages)
    [[ ${#pythons[@]} -gt 0 ]] || fail "apt offers none of ${SUPPORTED_PYTHONS[*]}: install one of them, with its venv module"
  fi
  packages+=("${pythons[@]}")
  echo "featherbench set-up: installing ${packages[*]}"
  apt install --yes --no-install-recommends --no-remove "${packages[@]}" >/dev/null ||
    fail "could not install ${packages[*]}: apt-get's message is above. Is the network up?"
}

main
