/* SPDX-License-Identifier: Apache-2.0
 *
 * featherbench-try ADDRESS PORT REPORT_ADDRESS REPORT_PORT
 *
 * The only program of the image that platforms are tried out with. It serves a word at
 * ADDRESS:PORT, and reports each connection by a UDP packet. As setpriv it runs the command after
 * its options; as the first process of an LXD container it takes the command from the environment.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_WORDS = 16, SIGNALS = 5 };

static void leave(int number)
{
    (void)number;
    _exit(EXIT_SUCCESS);
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

static struct sockaddr_in address_of(const char *address, const char *port)
{
    struct sockaddr_in of = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    inet_pton(AF_INET, address, &of.sin_addr);
    return of;
}

static int serve(char **words)
{
    struct sockaddr_in at = address_of(words[1], words[2]), to = address_of(words[3], words[4]);
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 8) < 0)
        return fail("listen");
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (sendto(sender, "up", 2, 0, (struct sockaddr *)&to, sizeof to) < 0)
            perror("sendto");
        if (write(connection, "tried", 5) != 5)
            perror("write");
        close(connection);
    }
}

int main(int argc, char **argv)
{
    char *words[MOST_WORDS] = {NULL}, *name = strrchr(argv[0], '/');
    int signals[SIGNALS] = {SIGTERM, SIGINT, SIGPWR, SIGRTMIN + 3, SIGRTMIN + 4}, count = 0;

    if (name != NULL && strcmp(name, "/setpriv") == 0) {
        while (*++argv != NULL && strncmp(*argv, "--", 2) == 0)
            ;
        execv(argv[0], argv);
        return fail("exec");
    }
    /* The kernel ignores signals without a handler for process 1. */
    for (int at = 0; at < SIGNALS; at++)
        sigaction(signals[at], &(struct sigaction){.sa_handler = leave}, NULL);
    for (; count < argc && count < MOST_WORDS - 1; count++)
        words[count] = argv[count];
    if (getenv("FEATHERBENCH_COMMAND") != NULL) {
        char *word = strtok(getenv("FEATHERBENCH_COMMAND"), " ");
        for (count = 0; word != NULL && count < MOST_WORDS - 1; word = strtok(NULL, " "))
            words[count++] = word;
    }
    return count == 5 ? serve(words) : EXIT_FAILURE;
}
