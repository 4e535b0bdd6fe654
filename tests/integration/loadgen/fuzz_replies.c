/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_replies SECONDS SEED FILE…
 *
 * Feeds mutations of the files to both parsers, whole and in pieces: the events must be the same
 * however the bytes are split. With libFuzzer, compile with -DLIBFUZZER.
 */
#include "replies.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVENTS_MOST = 4096, INPUT_MOST = 4096, CORPUS_MOST = 64 };

static uint64_t state;

static uint64_t random_below(uint64_t most)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % most;
}

/* Events as text: one for each response, and the end. */
static size_t events(char *to, enum protocol protocol, bool head, const char *input, size_t size,
                     unsigned most)
{
    struct parser parser;
    size_t at = 0, written = 0, used;
    bool begun = false;

    while (at < size && written < EVENTS_MOST - 128) {
        size_t count = most == 0 ? size - at : 1 + random_below(most);
        char *piece;
        enum parsed parsed;

        count = count < size - at ? count : size - at;
        piece = malloc(count); /* so that a sanitizer sees what is read beyond it */
        memcpy(piece, input + at, count);
        if (!begun)
            parser_begin(&parser, protocol, head, true);
        parsed = parser_feed(&parser, piece, count, &used);
        free(piece);
        if (used > count || (used < count && parsed == PARSED_MORE))
            abort();
        at += used;
        begun = parsed == PARSED_MORE;
        if (parsed == PARSED_BAD)
            return written + (size_t)sprintf(to + written, "bad");
        if (parsed == PARSED_DONE)
            written += (size_t)sprintf(to + written, "%d %llu %08x %d%d%d;", parser.reply.status,
                                       (unsigned long long)parser.reply.length, parser.reply.crc32,
                                       parser.reply.is_error, parser.reply.is_nil,
                                       parser.reply.closes);
    }
    if (begun)
        written += (size_t)sprintf(to + written, "%s", parser_end(&parser) ? "end" : "open");
    return written;
}

static void check(const char *input, size_t size)
{
    static char whole[EVENTS_MOST], pieces[EVENTS_MOST];

    for (int how = 0; how < 3; how++) {
        enum protocol protocol = how == 2 ? RESP : HTTP;
        size_t count = events(whole, protocol, how == 1, input, size, 0);
        for (unsigned most = 1; most <= 64; most *= 8)
            if (events(pieces, protocol, how == 1, input, size, most) != count ||
                memcmp(whole, pieces, count) != 0) {
                fprintf(stderr, "differs when split: %.*s\n", (int)size, input);
                abort();
            }
    }
}

#ifdef LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    check((const char *)input, size < INPUT_MOST ? size : INPUT_MOST);
    return 0;
}
#else

static struct { char bytes[INPUT_MOST]; size_t size; } corpus[CORPUS_MOST], input;

static void mutate(void)
{
    static const char *const words[] = {"\r\n", "0\r\n\r\n", "Content-Length: ", "chunked", "-1",
                                        "18446744073709551616", "$", "*", "ffffffffffffffff",
                                        "HTTP/1.1 200 ", "\r\n\r\n", "*1\r\n"};
    const char *word = words[random_below(sizeof words / sizeof *words)];
    size_t at = random_below(input.size + 1), length = strlen(word);

    switch (random_below(5)) {
    case 0: /* a bit */
        if (at < input.size)
            input.bytes[at] ^= (char)(1 << random_below(8));
        break;
    case 1: /* without a part */
        length = random_below(input.size - at + 1);
        memmove(input.bytes + at, input.bytes + at + length, input.size - at - length);
        input.size -= length;
        break;
    case 2: /* cut */
        input.size = at;
        break;
    default: /* with a word, or another file */
        if (random_below(4) == 0) {
            size_t other = random_below(CORPUS_MOST);
            word = corpus[other].bytes;
            length = corpus[other].size;
        }
        if (input.size + length > INPUT_MOST)
            break;
        memmove(input.bytes + at + length, input.bytes + at, input.size - at);
        memcpy(input.bytes + at, word, length);
        input.size += length;
    }
}

int main(int count, char **words)
{
    clock_t end = clock() + (clock_t)(atof(words[1]) * CLOCKS_PER_SEC);
    unsigned long runs = 0;

    state = strtoull(words[2], NULL, 10);
    for (int at = 3; at < count && at < CORPUS_MOST + 3; at++) {
        FILE *file = fopen(words[at], "rb");
        corpus[at - 3].size = fread(corpus[at - 3].bytes, 1, INPUT_MOST, file);
        fclose(file);
        check(corpus[at - 3].bytes, corpus[at - 3].size);
    }
    for (; clock() < end; runs++) {
        input = corpus[random_below((uint64_t)count - 3)];
        for (uint64_t times = random_below(6); times > 0; times--)
            mutate();
        check(input.bytes, input.size);
    }
    printf("%lu\n", runs);
    return 0;
}
#endif
