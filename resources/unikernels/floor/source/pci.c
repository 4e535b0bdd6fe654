/* SPDX-License-Identifier: Apache-2.0 */
/* PCI configuration by two I/O ports, which every PC has. */
#include "pci.h"

#include "ports.h"

enum {
    ADDRESS = 0xcf8, DATA = 0xcfc, SLOTS = 32, SLOT_SHIFT = 11,
    IDENTITY = 0x00, COMMAND = 0x04, FIRST_BASE = 0x10, LINE = 0x3c,
    PORTS_ON = 1, READS_MEMORY = 4, INTERRUPT_OFF = 1 << 10,
    IS_PORTS = 1, PORTS_MASK = 0xfffc,
};
#define ENABLED (1u << 31)

static uint32_t read_configuration(uint32_t device, uint32_t offset)
{
    out32(ADDRESS, device | offset);
    return in32(DATA);
}

uint32_t find_on_pci(uint16_t vendor, uint16_t device)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        uint32_t handle = ENABLED | slot << SLOT_SHIFT;

        if (read_configuration(handle, IDENTITY) == ((uint32_t)device << 16 | vendor))
            return handle;
    }
    return 0;
}

uint16_t ports_of(uint32_t device)
{
    uint32_t base = read_configuration(device, FIRST_BASE), command = read_configuration(device, COMMAND);

    if (!(base & IS_PORTS))
        return 0;
    /* The upper half is the status: writing 1 clears a bit, 0 keeps it. */
    command = (command & 0xffff & ~(uint32_t)INTERRUPT_OFF) | PORTS_ON | READS_MEMORY;
    out32(ADDRESS, device | COMMAND);
    out32(DATA, command);
    return (uint16_t)(base & PORTS_MASK);
}

uint8_t line_of(uint32_t device)
{
    return (uint8_t)read_configuration(device, LINE);
}
