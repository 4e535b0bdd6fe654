# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the other scripts: which Python creates the environment.
# The lock file is made for these versions; Ubuntu 22.04 has 3.11 in addition to its default 3.10.
SUPPORTED_PYTHONS=(python3.13 python3.12 python3.11)

# Fails if the interpreter cannot create an environment, or if libvirt-python cannot be compiled for it (no headers). If an
# environment is active, prints its base interpreter: .venv must not depend on an environment that may be deleted.
SUITS='
import ensurepip, os, sys, sysconfig, venv
os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))
print(sys._base_executable)
'

# Prints the newest supported interpreter that passes this check, or fails.
find_python() {
  local python
  for python in "${SUPPORTED_PYTHONS[@]}"; do
    if "$python" -c "$SUITS" 2>/dev/null; then
      return
    fi
  done
  return 1
}

# Prints the packages that provide one, or fails if apt offers none.
python_packages() {
  local python
  for python in "${SUPPORTED_PYTHONS[@]}"; do
    if apt-cache show "$python-venv" >/dev/null 2>&1; then
      printf '%s\n' "$python" "$python-venv" "$python-dev"
      return
    fi
  done
  return 1
}
