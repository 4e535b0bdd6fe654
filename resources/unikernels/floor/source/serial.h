/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SERIAL_H
#define SERIAL_H

/* Writes to the first serial port, as struct machine says. */
void write_serial(const char *text);

#endif
