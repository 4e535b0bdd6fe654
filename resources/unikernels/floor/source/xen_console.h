/* SPDX-License-Identifier: Apache-2.0 */
#ifndef XEN_CONSOLE_H
#define XEN_CONSOLE_H

void open_xen_console(void);

/* Writes to the domain's console, as struct machine says. */
void write_xen_console(const char *text);

/* Waits, for a limited time, until all output was read: a domain that has ended has no console. */
void finish_xen_console(void);

#endif
