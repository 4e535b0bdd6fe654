#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the kernel: build.sh FILE, with an absolute path.
set -eu
export LC_ALL=C # the order of the files does not depend on the locale
cd "$(dirname "$0")"

# For the processor's state at boot: 32 bits, no libraries, only general registers.
exec gcc -m32 -march=i686 -std=c17 -Os \
  -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
  -fno-tree-loop-distribute-patterns -fno-strict-aliasing -mgeneral-regs-only \
  -Wall -Wextra -Werror -Wshadow -Wconversion \
  -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-n -s -Wl,-T,floor.ld \
  ./*.S ./*.c -o "$1"
