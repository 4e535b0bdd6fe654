/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PCI_H
#define PCI_H

#include <stdint.h>

/* Returns a handle of the first device of that kind on bus 0; 0: there is none. */
uint32_t find_on_pci(uint16_t vendor, uint16_t device);

/* Turns a device on, and returns the first of its I/O ports; 0: it has none. */
uint16_t ports_of(uint32_t device);

/* Returns the interrupt line that the firmware assigned to it; 255: none. */
uint8_t line_of(uint32_t device);

#endif
