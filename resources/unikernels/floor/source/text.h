/* SPDX-License-Identifier: Apache-2.0 */
/* Pure. Functions that read advance past what they have read, and not at all if it is missing. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define NUMBER_BYTES 11 /* the longest, and the zero byte */

/* Advances past `word` if it is next. */
bool skip(const char **at, const char *word);

/* Reads a decimal number up to `most`, which is at most 65535. */
bool read_number(const char **at, uint32_t most, uint32_t *found);

/* Reads a MAC address: six pairs of hexadecimal digits, with colons. */
bool read_mac(const char **at, uint8_t *mac);

/* Writes a decimal number to `text`, which has space for NUMBER_BYTES, and returns `text`. */
const char *write_number(uint32_t number, char *text);

#endif
