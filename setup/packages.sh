#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the missing packages of packages.txt, and Python if no suitable one exists. It queries the package database each
# time instead of keeping a stamp file: this is also right after a package was removed, and as fast.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source "$here/root.sh"
source "$here/interpreter.sh"
PATH=$PATH:/usr/sbin:/sbin:/snap/bin # dockerd is in sbin, which a user's PATH on Debian does not contain

# Succeeds if one of the commands exists: any,of,these.
have_command() {
  local command
  for command in ${1//,/ }; do
    ! command -v "$command" >/dev/null || return 0
  done
  return 1
}

# Prints the first words of those lines of packages.txt whose conditions hold on this machine.
wanted() {
  local alternatives conditions
  while read -r alternatives conditions; do
    [[ ! $conditions =~ \[(.+)\] || ${BASH_REMATCH[1]} == $(dpkg --print-architecture 2>/dev/null) ]] || continue
    [[ ! $conditions =~ unless\ ([^ ]+) ]] || ! have_command "${BASH_REMATCH[1]}" || continue
    echo "$alternatives"
  done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/packages.txt")
}

# Prints those of "$@" that are installed. dpkg-query fails if it does not know one, but still lists the others.
installed() {
  { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } | sed -n 's/^installed //p'
}

# Prints those words of wanted() of which no alternative is installed.
missing() {
  local alternatives name
  local -a all names
  local -A there=()
  mapfile -t all < <(wanted)
  mapfile -t names < <(printf '%s\n' "${all[@]//|/$'\n'}")
  while read -r name; do there[$name]=yes; done < <(installed "${names[@]}")
  for alternatives in "${all[@]}"; do
    for name in ${alternatives//|/ }; do
      [[ -z ${there[$name]-} ]] || continue 2
    done
    echo "$alternatives"
  done
}

# Reads words of wanted(), and prints what to install: the first alternative that apt offers. If it offers none, prints the
# first alternative, so that apt reports it as missing.
chosen() {
  local alternatives name
  while read -r alternatives; do
    for name in ${alternatives//|/ }; do
      [[ $name != nothing ]] || continue 2
      ! apt-cache show "$name" >/dev/null 2>&1 || break
      name=${alternatives%%|*}
    done
    echo "$name"
  done
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

install() {
  apt install --yes --no-install-recommends --no-remove "$@"
}

# Prints what packages.txt says of the package that "$1" is an alternative for.
purpose() {
  sed -nE "s/^([^# ]*\|)?$1[| ][^#]*# *(.*)/\2/p" "$here/packages.txt"
}

# Installs "$@"; where apt refuses all together, one by one, so that a conflict of one package costs that one alone. Prints
# apt's own messages of those that it refuses, and what each is for. Fails if apt installs none.
install_possible() {
  local package refused=0
  if output=$(install "$@" 2>&1); then
    return
  fi
  [[ $# -gt 1 ]] || { tail -n 20 <<<"$output" >&2 && return 1; }
  echo "featherbench set-up: apt-get cannot install them all at once; trying one by one" >&2
  for package in "$@"; do
    output=$(install "$package" 2>&1) && continue
    refused=$((refused + 1))
    tail -n 20 <<<"$output" >&2
    echo "featherbench set-up: going on without $package ($(purpose "$package"))" >&2
  done
  ((refused < $#))
}

main() {
  local -a packages pythons=()
  mapfile -t packages < <(missing | chosen)
  if [[ ${#packages[@]} -eq 0 ]] && find_python >/dev/null; then
    return
  fi
  command -v apt-get >/dev/null ||
    fail "this is neither Debian nor Ubuntu: install what setup/packages.txt names, and ${SUPPORTED_PYTHONS[*]: -1} or newer"
  apt update || echo "featherbench set-up: some package lists could not be refreshed; going on without" >&2
  mapfile -t packages < <(missing | chosen)
  if ! find_python >/dev/null; then
    mapfile -t pythons < <(python_packages)
    [[ ${#pythons[@]} -gt 0 ]] ||
      fail "apt offers none of ${SUPPORTED_PYTHONS[*]}: install one of them with its venv module and its headers (uv has" \
        "such: 'uv python install ${SUPPORTED_PYTHONS[0]#python}')"
  fi
  packages+=("${pythons[@]}")
  echo "featherbench set-up: installing ${packages[*]}"
  install_possible "${packages[@]}" || fail "apt-get installed none of ${packages[*]}: $(advice "$output")"
  find_python >/dev/null || fail "${pythons[*]} could not be installed: $(advice "${output-}")"
}

main
