# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced by the other scripts: which Python makes the environment.
# The lock is made for these; Ubuntu 22.04 has 3.11 beside its own 3.10.
SUPPORTED_PYTHONS=(python3.13 python3.12 python3.11)

# Fails where no environment can be made with it, or libvirt-python not be compiled for it. Prints the one beneath, where
# an environment is active: ours must be made from something that stays when it is made anew.
SUITS='
import ensurepip, os, sys, sysconfig, venv
os.stat(os.path.join(sysconfig.get_path("include"), "Python.h"))
print(sys._base_executable)
'

# Prints the newest supported interpreter that suits, or fails.
find_python() {
  local python
  for python in "${SUPPORTED_PYTHONS[@]}"; do
    if "$python" -c "$SUITS" 2>/dev/null; then
      return
    fi
  done
  return 1
}

# Prints the packages that would bring one, or fails where the system has none to offer.
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
