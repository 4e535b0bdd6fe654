/* SPDX-License-Identifier: Apache-2.0
 *
 * featherbench-probe ADDRESS PORT NONCE
 *
 * Sends one UDP packet with NONCE, then waits for SIGTERM, so that the platform reports a
 * running instance. The smallest program that can report its start to the client.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void leave(int number)
{
    (void)number;
    _exit(EXIT_SUCCESS);
}

/* The kernel ignores signals without a handler for process 1. */
static void leave_on(int number)
{
    struct sigaction action = {.sa_handler = leave};
    sigaction(number, &action, NULL);
}

static int fail(const char *what)
{
    perror(what);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int port = argc == 4 ? atoi(argv[2]) : 0;

    if (port < 1 || port > 65535 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fputs("usage: featherbench-probe ADDRESS PORT NONCE\n", stderr);
        return EXIT_FAILURE;
    }
    to.sin_port = htons((unsigned short)port);
    leave_on(SIGTERM);
    leave_on(SIGINT);

    int sender = socket(AF_INET, SOCK_DGRAM, 0);
    if (sender < 0)
        return fail("socket");
    if (sendto(sender, argv[3], strlen(argv[3]), 0, (struct sockaddr *)&to, sizeof to) < 0)
        return fail("sendto");
    /* Not pause(): Rumprun's returns at once, and this would keep its only thread busy. */
    for (;;)
        sleep(3600);
}
