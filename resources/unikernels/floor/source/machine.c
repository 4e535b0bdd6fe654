/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include "xen.h"
#include "xen_console.h"

const struct machine *machine = &pc;

void find_machine(void)
{
    if (!enter_xen())
        return;
    open_xen_console();
    machine = &xen;
}
