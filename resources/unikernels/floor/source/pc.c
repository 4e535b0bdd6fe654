/* SPDX-License-Identifier: Apache-2.0 */
#include "interrupts.h"
#include "machine.h"
#include "serial.h"
#include "virtio_net.h"

static void start(uint8_t *mac)
{
    start_virtio(mac);
    take_interrupts(line_of_virtio(), quiet_virtio);
}

static _Noreturn void stop(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}

const struct machine pc = {
    .write = write_serial,
    .start = start,
    .receive = receive_by_virtio,
    .send = send_by_virtio,
    .wake_up_soon = wake_up_soon,
    .sleep = sleep_until_interrupt,
    .stop = stop,
};
