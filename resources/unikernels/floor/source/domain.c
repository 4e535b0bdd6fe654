/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of a PVH domain of Xen. */
#include "console.h"
#include "events.h"
#include "machine.h"
#include "text.h"
#include "vif.h"
#include "xen.h"
#include "xen_console.h"
#include "xenstore.h"

#define SOON_NS 50000000u

static uint64_t due_ns = NEVER;

static void start(uint8_t *mac)
{
    open_store();
    start_vif(mac);
    store_watch("control", "shutdown");
}

static void wake_up_soon(void)
{
    due_ns = now_ns() + SOON_NS;
}

/* Obey `xl shutdown` and `xl reboot`. Clearing the key acknowledges the request. */
static void heed_tools(void)
{
    char asked[16];
    const char *at = asked;
    bool is_reboot;

    if (!store_read("control", "shutdown", asked, sizeof asked))
        return;
    is_reboot = skip(&at, "reboot");
    if (!is_reboot && !skip(&at, "poweroff") && !skip(&at, "halt"))
        return;
    store_write("control", "shutdown", "");
    finish_xen_console();
    end_domain(is_reboot ? REBOOTS : POWERED_OFF);
}

static void sleep(void)
{
    const uint32_t channels[] = {channel_of_vif(), channel_of_store()};

    /* Before sleeping, not after: an event may have arrived during another wait, and would not end the sleep. */
    if (store_has_news())
        heed_tools();
    await_events(channels, 2, due_ns);
    due_ns = NEVER;
}

static _Noreturn void stop(void)
{
    finish_xen_console();
    end_domain(CRASHED);
}

const struct machine xen = {
    .write = write_xen_console,
    .start = start,
    .receive = receive_by_vif,
    .send = send_by_vif,
    .wake_up_soon = wake_up_soon,
    .sleep = sleep,
    .stop = stop,
};
