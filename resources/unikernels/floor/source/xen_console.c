/* SPDX-License-Identifier: Apache-2.0 */
#include "xen_console.h"

#include "events.h"
#include "ring.h"
#include "xen.h"

enum { IN_BYTES = 1024, OUT_BYTES = 2048 }; /* io/console.h */
#define PATIENCE_NS 1000000000u

/* io/console.h: struct xencons_interface. */
struct console_page {
    uint8_t in[IN_BYTES], out[OUT_BYTES];
    uint32_t in_taken, in_put, out_taken, out_put;
};

static struct byte_ring out;
static uint32_t channel;

void open_xen_console(void)
{
    volatile struct console_page *page = (void *)(uintptr_t)(parameter(CONSOLE_FRAME) * PAGE);

    if (!page)
        return; /* the output is lost */
    out = (struct byte_ring){page->out, OUT_BYTES, &page->out_put, &page->out_taken};
    channel = (uint32_t)parameter(CONSOLE_CHANNEL);
}

void write_xen_console(const char *text)
{
    uint64_t until_ns = now_ns() + PATIENCE_NS;
    size_t left = 0;

    while (text[left])
        left++;
    while (out.bytes && left) {
        size_t count = put_bytes(&out, text, left);

        text += count;
        left -= count;
        tell(channel);
        if (left && now_ns() >= until_ns)
            return;
        if (left)
            await_events(&channel, 1, until_ns);
    }
}

void finish_xen_console(void)
{
    uint64_t until_ns = now_ns() + PATIENCE_NS;

    while (out.bytes && *out.put != *out.taken && now_ns() < until_ns)
        await_events(&channel, 1, until_ns);
}
