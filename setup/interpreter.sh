# SPDX-License-Identifier: Apache-2.0
# Sourced by the other scripts: which Python makes the environment.
# The lock is made for these; Ubuntu 22.04 has 3.11 beside its own 3.10.
SUPPORTED_PYTHONS=(python3.13 python3.12 python3.11)

# Prints the newest supported interpreter that can make an environment, or fails.
find_python() {
  local python
  for python in "${SUPPORTED_PYTHONS[@]}"; do
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      command -v "$python"
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
      printf '%s\n' "$python" "$python-venv"
      return
    fi
  done
  return 1
}
