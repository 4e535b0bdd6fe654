/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pure: frames in, frames out. Every field is read by its offset, byte by byte, after the length of the frame was
 * checked: received bytes are never cast to a structure.
 */
#include "packets.h"

#include "bytes.h"

enum {
    ETHERNET_BYTES = 14, TYPE_ARP = 0x0806, TYPE_IPV4 = 0x0800,
    ARP_BYTES = 28, ARP_REQUEST = 1, ARP_REPLY = 2,
    IP_BYTES = 20, ICMP_BYTES = 8, UDP_BYTES = 8,
    PROTOCOL_ICMP = 1, PROTOCOL_UDP = 17,
    ECHO_REQUEST = 8, ECHO_REPLY = 0,
    FRAGMENT_BITS = 0x3fff, /* "more fragments", and the offset */
    TIME_TO_LIVE = 64,
    SOURCE_PORT = 49152,
};

/* Ethernet and IPv4: hardware and protocol of ARP, and the lengths of their addresses. */
static const uint8_t ARP_OF_IPV4[] = {0, 1, 0x08, 0x00, MAC_BYTES, 4};
static const uint8_t EVERYBODY[MAC_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, (uint16_t)(value >> 16));
    put16(at + 2, (uint16_t)value);
}

static uint32_t sum16(uint32_t sum, const uint8_t *bytes, size_t count)
{
    for (; count > 1; count -= 2, bytes += 2)
        sum += get16(bytes);
    return count ? sum + (uint32_t)(bytes[0] << 8) : sum;
}

static uint16_t folded(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint16_t checksum(const uint8_t *bytes, size_t count)
{
    return folded(sum16(0, bytes, count));
}

static void put_ethernet(uint8_t *frame, const uint8_t *to, const uint8_t *from, uint16_t type)
{
    memcpy(frame, to, MAC_BYTES);
    memcpy(frame + MAC_BYTES, from, MAC_BYTES);
    put16(frame + 12, type);
}

static size_t put_arp(const struct station *us, uint16_t operation, const uint8_t *mac, uint32_t address,
                      uint8_t *frame)
{
    uint8_t *arp = frame + ETHERNET_BYTES;

    memcpy(arp, ARP_OF_IPV4, sizeof ARP_OF_IPV4);
    put16(arp + 6, operation);
    memcpy(arp + 8, us->mac, MAC_BYTES);
    put32(arp + 14, us->address);
    memcpy(arp + 18, mac, MAC_BYTES);
    put32(arp + 24, address);
    return ETHERNET_BYTES + ARP_BYTES;
}

static bool is_arp(const uint8_t *frame, size_t count)
{
    return count >= ETHERNET_BYTES + ARP_BYTES && get16(frame + 12) == TYPE_ARP
           && !memcmp(frame + ETHERNET_BYTES, ARP_OF_IPV4, sizeof ARP_OF_IPV4);
}

size_t ask_for_mac(const struct station *us, uint32_t address, uint8_t *frame)
{
    static const uint8_t unknown[MAC_BYTES];

    put_ethernet(frame, EVERYBODY, us->mac, TYPE_ARP);
    return put_arp(us, ARP_REQUEST, unknown, address, frame);
}

bool tells_mac(const uint8_t *frame, size_t count, uint32_t address, uint8_t *mac)
{
    const uint8_t *arp = frame + ETHERNET_BYTES;

    /* A request has its sender's address, too. A group address (odd first byte) is invalid here. */
    if (!is_arp(frame, count) || get32(arp + 14) != address || arp[8] & 1)
        return false;
    memcpy(mac, arp + 8, MAC_BYTES);
    return true;
}

static size_t answer_arp(const struct station *us, const uint8_t *frame, uint8_t *reply)
{
    const uint8_t *arp = frame + ETHERNET_BYTES;

    if (get16(arp + 6) != ARP_REQUEST || get32(arp + 24) != us->address || arp[8] & 1)
        return 0;
    put_ethernet(reply, arp + 8, us->mac, TYPE_ARP);
    return put_arp(us, ARP_REPLY, arp + 8, get32(arp + 14), reply);
}

static void put_ip(uint8_t *ip, uint16_t total, uint8_t protocol, uint32_t from, uint32_t to)
{
    memset(ip, 0, IP_BYTES);
    ip[0] = 4 << 4 | IP_BYTES / 4;
    put16(ip + 2, total);
    ip[8] = TIME_TO_LIVE;
    ip[9] = protocol;
    put32(ip + 12, from);
    put32(ip + 16, to);
    put16(ip + 10, checksum(ip, IP_BYTES));
}

/* A unicast address: not 0.0.0.0/8, and below the group addresses and the broadcast address. */
static bool is_one_hosts(uint32_t address)
{
    return address >> 24 != 0 && address >> 28 < 0xe;
}

/* The length, by its header, of an unfragmented packet without options for this guest; 0 if it is none. */
static size_t packet_bytes(const struct station *us, const uint8_t *frame, size_t count)
{
    const uint8_t *ip = frame + ETHERNET_BYTES;
    size_t total;

    if (count < ETHERNET_BYTES + IP_BYTES || get16(frame + 12) != TYPE_IPV4 || memcmp(frame, us->mac, MAC_BYTES))
        return 0;
    total = get16(ip + 2);
    if (ip[0] != (4 << 4 | IP_BYTES / 4) || total < IP_BYTES || total > count - ETHERNET_BYTES)
        return 0;
    if (get16(ip + 6) & FRAGMENT_BITS || checksum(ip, IP_BYTES))
        return 0;
    return get32(ip + 16) == us->address && is_one_hosts(get32(ip + 12)) ? total : 0;
}

static size_t answer_echo(const struct station *us, const uint8_t *frame, size_t count, uint8_t *reply)
{
    const uint8_t *ip = frame + ETHERNET_BYTES, *icmp = ip + IP_BYTES;
    uint8_t *out = reply + ETHERNET_BYTES + IP_BYTES;
    size_t total = packet_bytes(us, frame, count);

    if (total < IP_BYTES + ICMP_BYTES || total > FRAME_BYTES - ETHERNET_BYTES || ip[9] != PROTOCOL_ICMP)
        return 0;
    if (icmp[0] != ECHO_REQUEST || icmp[1] != 0 || checksum(icmp, total - IP_BYTES))
        return 0;
    put_ethernet(reply, frame + MAC_BYTES, us->mac, TYPE_IPV4);
    put_ip(reply + ETHERNET_BYTES, (uint16_t)total, PROTOCOL_ICMP, us->address, get32(ip + 12));
    memcpy(out, icmp, total - IP_BYTES);
    out[0] = ECHO_REPLY;
    put16(out + 2, 0);
    put16(out + 2, checksum(out, total - IP_BYTES));
    return ETHERNET_BYTES + total;
}

size_t answer(const struct station *us, const uint8_t *frame, size_t count, uint8_t *reply)
{
    return is_arp(frame, count) ? answer_arp(us, frame, reply) : answer_echo(us, frame, count, reply);
}

/* UDP's checksum also covers the addresses; 0 would mean "none", so 0xffff is sent instead. */
static uint16_t udp_checksum(const uint8_t *ip, const uint8_t *udp, size_t count)
{
    uint16_t found = folded(sum16(sum16((uint32_t)(PROTOCOL_UDP + count), ip + 12, 8), udp, count));

    return found ? found : 0xffff;
}

size_t datagram(const struct station *us, const struct destination *to, const void *content, size_t count,
                uint8_t *frame)
{
    uint8_t *ip = frame + ETHERNET_BYTES, *udp = ip + IP_BYTES;

    if (count > FRAME_BYTES - ETHERNET_BYTES - IP_BYTES - UDP_BYTES)
        return 0;
    put_ethernet(frame, to->mac, us->mac, TYPE_IPV4);
    put_ip(ip, (uint16_t)(IP_BYTES + UDP_BYTES + count), PROTOCOL_UDP, us->address, to->address);
    put16(udp, SOURCE_PORT);
    put16(udp + 2, to->port);
    put16(udp + 4, (uint16_t)(UDP_BYTES + count));
    put16(udp + 6, 0);
    memcpy(udp + UDP_BYTES, content, count);
    put16(udp + 6, udp_checksum(ip, udp, UDP_BYTES + count));
    return ETHERNET_BYTES + IP_BYTES + UDP_BYTES + count;
}
