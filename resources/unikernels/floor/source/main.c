/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor: the smallest guest that can be measured with `startup` and `latency`. It sends one UDP packet that contains a
 * nonce, answers ARP and ping, and sleeps in between.
 */
#include "arguments.h"
#include "bytes.h"
#include "console.h"
#include "faults.h"
#include "machine.h"
#include "packets.h"

#define START_INFO_MAGIC 0x336ec578
#define LINE_BYTES 512

/* The hypervisor's data, by the PVH protocol; the rest is not needed. */
struct start_info {
    uint32_t magic, version, flags, modules;
    uint64_t module_list, command_line;
};

_Noreturn void floor_main(const struct start_info *info);

/* The packet to send, and its destination; `is_due` until it is sent. */
static struct {
    struct destination to;
    uint32_t next_hop;
    bool is_due;
} probe;
static struct arguments arguments;
static struct station us;

static void copy_line(const struct start_info *info, char *line)
{
    const char *given;
    size_t count = 0;

    if (info->magic != START_INFO_MAGIC)
        give_up("this was not started by the PVH protocol", "");
    if (info->command_line >> 32)
        give_up("the command line lies above 4 GiB", "");
    given = (const char *)(uint32_t)info->command_line;
    while (given && given[count] && count < LINE_BYTES - 1) {
        line[count] = given[count];
        count++;
    }
    line[count] = '\0';
}

static void configure(const struct start_info *info)
{
    char line[LINE_BYTES];
    const char *wrong;

    copy_line(info, line);
    wrong = read_arguments(line, &arguments);
    if (wrong)
        give_up("bad arguments: ", wrong);
    us.address = arguments.address;
    probe.to.address = arguments.target;
    probe.to.port = arguments.port;
    probe.next_hop = (arguments.target ^ us.address) & arguments.mask ? arguments.gateway : arguments.target;
    probe.is_due = arguments.port != 0;
    if (probe.is_due && !probe.next_hop)
        give_up("bad arguments: ", "the target is elsewhere, and there is no gateway");
}

static void ask_for_way(void)
{
    static uint8_t frame[FRAME_BYTES];

    machine->send(frame, ask_for_mac(&us, probe.next_hop, frame));
    machine->wake_up_soon();
}

static void send_probe(void)
{
    static uint8_t frame[FRAME_BYTES];
    size_t count = datagram(&us, &probe.to, arguments.nonce, arguments.nonce_bytes, frame);

    if (!machine->send(frame, count))
        return; /* the next packet with the MAC address triggers another attempt */
    probe.is_due = false;
    say("sent the packet", "");
}

static void take(const uint8_t *frame, size_t count)
{
    static uint8_t reply[FRAME_BYTES];
    size_t reply_bytes;

    if (probe.is_due && tells_mac(frame, count, probe.next_hop, probe.to.mac))
        send_probe();
    reply_bytes = answer(&us, frame, count, reply);
    if (reply_bytes)
        machine->send(reply, reply_bytes);
}

static void take_all(void)
{
    static uint8_t frame[FRAME_BYTES];
    size_t count;

    while ((count = machine->receive(frame)))
        take(frame, count);
}

void floor_main(const struct start_info *info)
{
    find_machine();
    take_faults();
    configure(info);
    machine->start(us.mac);
    for (;;) {
        take_all();
        /* After any wake-up, an unanswered request is repeated. */
        if (probe.is_due)
            ask_for_way();
        machine->sleep();
    }
}
