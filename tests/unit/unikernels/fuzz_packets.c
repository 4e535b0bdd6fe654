/* SPDX-License-Identifier: Apache-2.0 */
/* Random and nearly right frames, each in memory of exactly its size: the sanitizers find what reads beyond. */
#include "arguments.h"
#include "packets.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct station us = {{0x52, 0x54, 0, 1, 2, 3}, 0xc6120202};

static void mend_checksums(uint8_t *frame, size_t count)
{
    if (count < 42)
        return;
    uint16_t sum;
    frame[24] = frame[25] = 0;
    sum = checksum(frame + 14, 20);
    frame[24] = (uint8_t)(sum >> 8), frame[25] = (uint8_t)sum;
    frame[36] = frame[37] = 0;
    sum = checksum(frame + 34, count - 34);
    frame[36] = (uint8_t)(sum >> 8), frame[37] = (uint8_t)sum;
}

static void make_right(uint8_t *frame, size_t count)
{
    static const uint8_t echo[] = {0x52, 0x54, 0, 1, 2, 3, 2, 0, 0, 0, 0, 9, 8, 0, 0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 1,
                                   0, 0, 198, 18, 2, 1, 198, 18, 2, 2, 8, 0, 0, 0, 0, 1, 0, 1};
    static const uint8_t arp[] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
                                  2, 0, 0, 0, 0, 9, 198, 18, 2, 1, 0, 0, 0, 0, 0, 0, 198, 18, 2, 2};
    const uint8_t *from = rand() % 2 ? echo : arp;

    memcpy(frame, from, count < sizeof echo ? count : sizeof echo);
    if (from == echo && count >= 18)
        frame[16] = (uint8_t)((count - 14) >> 8), frame[17] = (uint8_t)(count - 14);
}

int main(void)
{
    unsigned long answered = 0, macs = 0;

    srand(2017);
    for (int round = 0; round < 400000; round++) {
        size_t count = rand() % 4 ? (size_t)rand() % 80 + 1 : (size_t)rand() % FRAME_BYTES + 1;
        uint8_t *frame = malloc(count), *reply = malloc(FRAME_BYTES), mac[MAC_BYTES];
        for (size_t i = 0; i < count; i++)
            frame[i] = (uint8_t)rand();
        make_right(frame, count);
        for (int flips = rand() % 3; flips > 0; flips--)
            frame[(size_t)rand() % count] ^= (uint8_t)(1 << rand() % 8);
        if (rand() % 2 && count > 13 && frame[12] == 8 && frame[13] == 0)
            mend_checksums(frame, count);
        size_t bytes = answer(&us, frame, count, reply);
        if (bytes > FRAME_BYTES || bytes > count + 42)
            return 1;
        answered += bytes != 0;
        tells_mac(frame, count, 0xc6120201, mac);
        free(frame), free(reply);
    }
    for (int round = 0; round < 200000; round++) {
        static const char letters[] = "adresgwtnoc=./: 0123456789", digits[] = "0189afAFbC:g";
        static const char *const words[] = {"address=", "gateway=", "target=", "nonce=", "198.18.2.2", "/25", ":4242"};
        char line[200] = "";
        struct arguments found;
        for (int parts = rand() % 8; parts > 0; parts--) {
            char letter[2] = {letters[(size_t)rand() % (sizeof letters - 1)], 0};
            strcat(line, rand() % 3 ? words[(size_t)rand() % 7] : letter);
        }
        char *exact = malloc(strlen(line) + 1);
        read_arguments(strcpy(exact, line), &found);
        free(exact);
        size_t count = rand() % 4 ? 17 : (size_t)rand() % 20;
        uint8_t mac[MAC_BYTES];
        const char *at = exact = malloc(count + 1);
        for (size_t i = 0; i < count; i++)
            exact[i] = i % 3 == 2 && rand() % 9 ? ':' : digits[(size_t)rand() % (sizeof digits - 1)];
        exact[count] = 0;
        macs += read_mac(&at, mac);
        free(exact);
    }
    printf("%lu answered, %lu MAC addresses read\n", answered, macs);
    return answered < 1000 || macs < 1000;
}
