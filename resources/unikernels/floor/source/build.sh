#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the kernel, as the file that is named: build.sh FILE, by its absolute path.
set -eu
export LC_ALL=C # whoever makes it, the order of the files is the same
cd "$(dirname "$0")"

# For the processor as it is entered: 32 bits, no libraries, nothing but general registers.
exec gcc -m32 -march=i686 -std=c17 -Os \
  -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
  -fno-tree-loop-distribute-patterns -fno-strict-aliasing -mgeneral-regs-only \
  -Wall -Wextra -Werror -Wshadow -Wconversion \
  -nostdlib -static -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-n -s -Wl,-T,floor.ld \
  ./*.S ./*.c -o "$1"
