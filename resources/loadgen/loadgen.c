/* SPDX-License-Identifier: Apache-2.0
 *
 * featherbench-load --protocol=http|resp --address=ADDRESS --port=PORT --OPTION=VALUE…
 *
 * Loads a server, and measures it in windows. It reads commands, each a line
 *   window seconds=0.25 rate=5000 arrivals=poisson only=NAME
 * (without a rate in a closed loop), and answers each with a line of JSON, until its input ends.
 * Options of windows are also options of the program, for all windows; with --seconds it runs one,
 * and ends. docs/load.md explains what is measured, and what is in the output.
 */
#define _GNU_SOURCE
#include "worker.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { FORMAT = 1, WORKERS_MOST = 256, FILES_SPARE = 64 };

/* Of enum failure and enum count. */
static const char *const names[COUNTS] = {
    "", "status", "length", "checksum", "error", "protocol", "short", "reset", "timeout", "refused",
    "connect", "connected", "sent", "answered", "answered_after", "waited", "unsent", "reconnects",
    "bytes_in", "bytes_out", "cpu_ns", "oldest_unsent_ns", "begin_late_ns", "loop_late_ns",
    "drained_ns",
};

struct plan plan = {.connections = 1, .depth = 1, .timeout = 2 * SECOND, .seed = 1};
struct window window;
pthread_barrier_t barrier;
static struct worker workers[WORKERS_MOST];

/* Options that are read further. */
static const char *protocol, *address, *cpus, *requests;
static uint64_t port;

static const struct setting of_window[] = {
    {"seconds", NULL, &window.length, 0.01, 3600, (double)SECOND},
    {"rate", NULL, &window.micro_rate, 1e-3, 1e8, 1e6},
    {"arrivals", .text = &window.arrivals},
    {"only", .text = &window.only_name},
    {NULL},
};
static const struct setting of_program[] = {
    {"protocol", .text = &protocol},
    {"address", .text = &address},
    {"host", .text = &plan.requests.host},
    {"cpus", .text = &cpus},
    {"requests", .text = &requests},
    {"port", NULL, &port, 1, 65535, 1},
    {"connections", NULL, &plan.connections, 1, 1e6, 1},
    {"depth", NULL, &plan.depth, 1, 1e5, 1},
    {"timeout", NULL, &plan.timeout, 1e-3, 3600, (double)SECOND},
    {"spin", NULL, &plan.spin, 0, 1e6, 1e3},
    {"seed", NULL, &plan.seed, 0, 1e15, 1},
    {"priority", NULL, &plan.priority, 1, 99, 1},
    {NULL},
};

/* Set an option from NAME=VALUE. */
static void set_option(char *word, bool is_of_window)
{
    char *equals = strchr(word, '=');
    if (equals == NULL || equals[1] == '\0')
        errx(2, "\"%s\" is not of the form NAME=VALUE", word);
    *equals = '\0';
    if (!set(of_window, word, equals + 1) && (is_of_window || !set(of_program, word, equals + 1)))
        errx(2, "there is no option \"%s\"%s", word, is_of_window ? " of a window" : "");
}

/* Read lines of requests last, because what they mean depends on the protocol. */
static void read_options(char **words)
{
    for (char **word = words; *word != NULL; word++)
        if (strncmp(*word, "--", 2) != 0)
            errx(2, "\"%s\" is no option; see docs/load.md", *word);
        else if (strncmp(*word, "--line=", 7) != 0)
            set_option(*word + 2, false);
    if (protocol == NULL || address == NULL || port == 0)
        errx(2, "--protocol, --address and --port are needed");
    plan.requests.protocol = strcmp(protocol, "http") == 0 ? HTTP : RESP;
    if (plan.requests.protocol == RESP && strcmp(protocol, "resp") != 0)
        errx(2, "protocol is \"%s\": it must be http or resp", protocol);
    if (inet_pton(AF_INET, address, &plan.address.v4.sin_addr) == 1)
        plan.address.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, address, &plan.address.v6.sin6_addr) == 1)
        plan.address.any.sa_family = AF_INET6;
    else
        errx(2, "address is \"%s\": it must be of IPv4 or IPv6, no name", address);
    plan.address.v4.sin_port = htons((uint16_t)port); /* at the same place in both */
    if (plan.requests.host == NULL)
        plan.requests.host = address;
    if (requests != NULL)
        requests_file(&plan.requests, requests);
    for (char **word = words; *word != NULL; word++)
        if (strncmp(*word, "--line=", 7) == 0)
            requests_line(&plan.requests, *word + 7);
    requests_finish(&plan.requests);
}

/* Read the list of CPUs, each for a worker. Without a list, there is one worker on any CPU. */
static void read_cpus(void)
{
    char *end;
    workers[0].cpu = -1;
    for (const char *at = cpus; at != NULL; at = *end == '\0' ? NULL : end + 1) {
        unsigned long cpu = strtoul(at, &end, 10);
        if (*at < '0' || *at > '9' || (*end != ',' && *end != '\0') || cpu >= 1024 ||
            plan.workers == WORKERS_MOST)
            errx(2, "cpus is \"%s\": it must be numbers with commas between them", cpus);
        workers[plan.workers++].cpu = (int)cpu;
    }
    if (plan.workers == 0 || plan.workers > plan.connections)
        plan.workers = plan.workers == 0 ? 1 : plan.connections;
}

static void raise_limit_of_files(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < plan.connections + FILES_SPARE)
        errx(1, "the limit of open files is too low for the connections");
}

/* Read what the window is, from the options that it inherits and its own. */
static void read_window(void)
{
    const char *arrivals = window.arrivals, *only = window.only_name;
    if (window.length == 0)
        errx(2, "a window needs seconds=NUMBER");
    window.is_open_loop = window.micro_rate > 0;
    window.constant = arrivals != NULL && strcmp(arrivals, "constant") == 0;
    if (arrivals != NULL && !window.constant && strcmp(arrivals, "poisson") != 0)
        errx(2, "arrivals is \"%s\": it must be poisson or constant", arrivals);
    window.only = only == NULL ? -1 : plan.requests.count - 1;
    while (window.only >= 0 && strcmp(plan.requests.kinds[window.only].name, only) != 0)
        window.only--;
    if (only != NULL && window.only < 0)
        errx(2, "only is \"%s\": no kind of requests has that name", only);
}

static void merge(struct tally *into, const struct tally *from)
{
    for (int count = 0; count < COUNTS; count++)
        if (count < SUMS)
            into->counts[count] += from->counts[count];
        else if (from->counts[count] > into->counts[count])
            into->counts[count] = from->counts[count];
    histogram_merge(&into->latency, &from->latency);
    histogram_merge(&into->lateness, &from->lateness);
    for (size_t at = 0; at < SLICES; at++) {
        struct slice *slice = &into->slices[at];
        slice->answered += from->slices[at].answered;
        slice->failed += from->slices[at].failed;
        if (from->slices[at].most > slice->most)
            slice->most = from->slices[at].most;
    }
}

static void print_window(void)
{
    struct tally *total = &workers[0].tally;
    const char *separator = "";
    for (unsigned number = 1; number < plan.workers; number++)
        merge(total, &workers[number].tally);
    printf("{\"format\":%d,\"protocol\":\"%s\",\"threads\":%" PRIu64 ",\"connections\":%" PRIu64
           ",\"depth\":%" PRIu64 ",\"realtime\":%s,\"loop\":\"%s\",\"rate_per_s\":%.9g,"
           "\"arrivals\":\"%s\",\"only\":\"%s\",\"run\":%s,\"seconds\":%.9g,"
           "\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 ",",
           FORMAT, protocol, plan.workers, plan.connections, plan.depth,
           plan.priority > 0 ? "true" : "false", window.is_open_loop ? "open" : "closed",
           (double)window.micro_rate / 1e6,
           !window.is_open_loop ? "" : window.constant ? "constant" : "poisson",
           window.only_name ? window.only_name : "", window.is_run ? "true" : "false",
           (double)window.length / (double)SECOND, window.begin, window.end);
    for (int count = FAILURES; count < COUNTS; count++)
        printf("\"%s\":%" PRIu64 ",", names[count], total->counts[count]);
    fputs("\"failures\":{", stdout);
    for (int failure = 1; failure < FAILURES; failure++)
        if (total->counts[failure] > 0) {
            printf("%s\"%s\":%" PRIu64, separator, names[failure], total->counts[failure]);
            separator = ",";
        }
    fputs("},\"latency_us\":", stdout);
    histogram_print(&total->latency);
    fputs(",\"lateness_us\":", stdout);
    histogram_print(&total->lateness);
    fputs(",\"slices\":[", stdout);
    for (size_t at = 0; at < SLICES; at++)
        printf("%s[%" PRIu64 ",%" PRIu64 ",%.3f]", at > 0 ? "," : "", total->slices[at].answered,
               total->slices[at].failed, (double)total->slices[at].most / 1e3);
    puts("]}");
    if (fflush(stdout) != 0)
        err(1, "standard output");
}

/* Run a window of the options that are given by now. */
static void run_window(void)
{
    struct pollfd reader = {.fd = fileno(stdout)};
    uint64_t connected = 0;
    read_window();
    pthread_barrier_wait(&barrier); /* known */
    pthread_barrier_wait(&barrier); /* connected */
    for (unsigned number = 0; number < plan.workers; number++)
        connected += workers[number].tally.counts[CONNECTED];
    window.is_run = connected > 0;
    window.begin = now_ns() + SECOND / 5000; /* when all know it */
    window.end = window.begin + (window.is_run ? window.length : 0);
    pthread_barrier_wait(&barrier); /* begins */
    if (window.is_run && poll(&reader, 1, (int)(window.length / (SECOND / 1000))) > 0)
        exit(1); /* nobody reads the output any more: this load has no purpose */
    pthread_barrier_wait(&barrier); /* counted */
    print_window();
}

static void obey(char *command)
{
    char *rest, *word = strtok_r(command, " \t\n", &rest);
    struct window of_all = window;
    if (word == NULL)
        return;
    if (strcmp(word, "window") != 0)
        errx(2, "there is no command \"%s\"", word);
    while ((word = strtok_r(NULL, " \t\n", &rest)) != NULL)
        set_option(word, true);
    run_window();
    of_all.number = window.number + 1;
    window = of_all;
}

/* Workers inherit the priority. */
static void start_workers(void)
{
    pthread_t thread;
    struct sched_param priority = {.sched_priority = (int)plan.priority};
    if (plan.priority > 0 && sched_setscheduler(0, SCHED_FIFO, &priority) < 0)
        plan.priority = 0;
    pthread_barrier_init(&barrier, NULL, (unsigned)plan.workers + 1);
    for (unsigned number = 0; number < plan.workers; number++) {
        struct worker *worker = &workers[number];
        worker->number = number;
        worker->connections = (unsigned)(plan.connections / plan.workers);
        worker->connections += number < plan.connections % plan.workers;
        errno = pthread_create(&thread, NULL, worker_run, worker);
        if (errno != 0)
            err(1, "a thread cannot be started");
    }
}

int main(int count __attribute__((unused)), char **words)
{
    char *line = NULL;
    size_t room = 0;
    program_invocation_short_name = "featherbench-load";
    read_options(words + 1);
    read_cpus();
    raise_limit_of_files();
    start_workers();
    if (window.length > 0)
        run_window();
    else
        while (getline(&line, &room, stdin) >= 0)
            obey(line);
    return 0;
}
