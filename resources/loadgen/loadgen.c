/* SPDX-License-Identifier: Apache-2.0
 *
 * featherbench-load --protocol=http|resp --address=ADDRESS --port=PORT --OPTION=VALUE…
 *
 * Loads a server, and measures it in windows. It reads commands, each a line
 *   window seconds=0.25 rate=5000 arrivals=poisson only=NAME
 * (without a rate in a closed loop), and answers each with a line of JSON, until its input ends.
 * With --seconds it runs one window, and ends. Options of windows are also options of the program:
 * those of all windows. docs/load.md explains what is measured, and what is in the output.
 */
#define _GNU_SOURCE
#include "worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { FORMAT = 1, WORKERS_MOST = 256, LINES_MOST = 1024, FILES_SPARE = 64 };
#define BEGIN_AFTER (SECOND / 5000)

/* Of enum count. */
static const char *const count_names[COUNTS] = {
    "connected", "sent", "answered", "answered_after", "waited", "unsent", "reconnects", "bytes_in",
    "bytes_out", "cpu_ns", "oldest_unsent_ns", "begin_late_ns", "loop_late_ns",
    "drained_ns",
};
/* Of enum failure. */
static const char *const failure_names[FAILURES] = {
    "", "status", "length", "checksum", "error", "protocol", "short", "reset", "timeout", "refused",
    "connect",
};

/* The options, as they were given. */
static struct options {
    const char *protocol, *address, *host, *cpus, *requests, *arrivals, *only;
    const char *lines[LINES_MOST];
    int line_count;
    double port, connections, depth, timeout_s, spin_us, seed, priority, seconds, rate;
} options = {.connections = 1, .depth = 1, .timeout_s = 2, .seed = 1};

static const struct option {
    const char *name;
    const char **text; /* its value, or */
    double *number, least, most;
    bool is_whole, is_of_window;
} known[] = {
    {"protocol", .text = &options.protocol},
    {"address", .text = &options.address},
    {"host", .text = &options.host},
    {"cpus", .text = &options.cpus},
    {"requests", .text = &options.requests},
    {"port", NULL, &options.port, 1, 65535, .is_whole = true},
    {"connections", NULL, &options.connections, 1, 1e6, .is_whole = true},
    {"depth", NULL, &options.depth, 1, 1e5, .is_whole = true},
    {"timeout", NULL, &options.timeout_s, 1e-3, 3600, .is_whole = false},
    {"spin", NULL, &options.spin_us, 0, 1e6, .is_whole = false},
    {"seed", NULL, &options.seed, 0, 1e15, .is_whole = true},
    {"priority", NULL, &options.priority, 1, 99, .is_whole = true},
    {"seconds", NULL, &options.seconds, 0.01, 3600, .is_of_window = true},
    {"rate", NULL, &options.rate, 1e-3, 1e8, .is_of_window = true},
    {"arrivals", .text = &options.arrivals, .is_of_window = true},
    {"only", .text = &options.only, .is_of_window = true},
};

void usage(const char *format, ...)
{
    va_list arguments;

    fputs("featherbench-load: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

void fail(const char *what)
{
    fprintf(stderr, "featherbench-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Set an option from NAME=VALUE; of a window: only one that a window has. */
static void set_option(char *word, bool of_window)
{
    char *equals = strchr(word, '='), *end;

    if (equals == NULL || equals[1] == '\0')
        usage("\"%s\" is not of the form NAME=VALUE", word);
    *equals++ = '\0';
    if (strcmp(word, "line") == 0 && !of_window) {
        if (options.line_count == LINES_MOST)
            usage("there are more than %d lines", LINES_MOST);
        options.lines[options.line_count++] = equals;
        return;
    }
    for (size_t at = 0; at < sizeof known / sizeof *known; at++) {
        const struct option *option = &known[at];
        if (strcmp(option->name, word) != 0 || (of_window && !option->is_of_window))
            continue;
        if (option->text != NULL) {
            *option->text = equals;
            return;
        }
        *option->number = strtod(equals, &end);
        if (*end == '\0' && *option->number >= option->least && *option->number <= option->most &&
            (!option->is_whole || *option->number == (double)(uint64_t)*option->number))
            return;
        usage("%s is \"%s\": it must be a%s number from %g to %g", word, equals,
              option->is_whole ? " whole" : "", option->least, option->most);
    }
    usage("there is no option \"%s\"%s", word, of_window ? " of a window" : "");
}

static void read_options(char **words)
{
    for (; *words != NULL; words++) {
        if (strncmp(*words, "--", 2) != 0)
            usage("\"%s\" is no option; see docs/load.md", *words);
        set_option(*words + 2, false);
    }
    if (options.protocol == NULL || options.address == NULL || options.port == 0)
        usage("--protocol, --address and --port are needed");
}

static void read_address(struct plan *plan)
{
    uint16_t port = htons((uint16_t)options.port);

    if (inet_pton(AF_INET, options.address, &plan->address.v4.sin_addr) == 1) {
        plan->address.v4.sin_family = AF_INET;
        plan->address.v4.sin_port = port;
        plan->address_size = sizeof plan->address.v4;
    } else if (inet_pton(AF_INET6, options.address, &plan->address.v6.sin6_addr) == 1) {
        plan->address.v6.sin6_family = AF_INET6;
        plan->address.v6.sin6_port = port;
        plan->address_size = sizeof plan->address.v6;
    } else {
        usage("address is \"%s\": it must be of IPv4 or IPv6, no name", options.address);
    }
}

static void read_requests(struct requests *requests)
{
    if (strcmp(options.protocol, "http") == 0)
        requests->protocol = HTTP;
    else if (strcmp(options.protocol, "resp") == 0)
        requests->protocol = RESP;
    else
        usage("protocol is \"%s\": it must be http or resp", options.protocol);
    requests->host = options.host != NULL ? options.host : options.address;
    if (options.requests != NULL)
        requests_file(requests, options.requests);
    for (int at = 0; at < options.line_count; at++)
        requests_line(requests, (char *)options.lines[at]);
    requests_finish(requests);
}

/* Read the list of CPUs; return how many. Without a list, there is one worker on any CPU. */
static unsigned read_cpus(int *cpus)
{
    const char *at = options.cpus;
    unsigned count = 0;
    char *end;

    cpus[0] = -1;
    if (at == NULL)
        return 1;
    do {
        unsigned long cpu = strtoul(at, &end, 10);
        if (end == at || *at < '0' || *at > '9' || (*end != ',' && *end != '\0') || cpu >= 1024 ||
            count == WORKERS_MOST)
            usage("cpus is \"%s\": it must be numbers with commas between them", options.cpus);
        cpus[count++] = (int)cpu;
        at = end + 1;
    } while (*end != '\0');
    return count;
}

static void raise_limit_of_files(unsigned connections)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < connections + FILES_SPARE) {
        errno = EMFILE;
        fail("the limit of open files is too low for the connections");
    }
}

/* Read what the window is, from the options that it inherits and its own. */
static void read_window(struct window *window, const struct plan *plan)
{
    if (options.seconds == 0)
        usage("a window needs seconds=NUMBER");
    window->length = (uint64_t)(options.seconds * (double)SECOND + 0.5);
    window->rate = options.rate;
    window->begin = window->end = 0;
    window->constant = options.arrivals != NULL && strcmp(options.arrivals, "constant") == 0;
    if (options.arrivals != NULL && !window->constant && strcmp(options.arrivals, "poisson") != 0)
        usage("arrivals is \"%s\": it must be poisson or constant", options.arrivals);
    window->only = -1;
    for (int kind = 0; options.only != NULL && kind < plan->requests.count; kind++)
        if (strcmp(plan->requests.kinds[kind].name, options.only) == 0)
            window->only = kind;
    if (options.only != NULL && window->only < 0)
        usage("only is \"%s\": no kind of requests has that name", options.only);
}

static void merge(struct tally *into, const struct tally *from)
{
    for (int count = 0; count < COUNTS; count++)
        if (count < SUMS)
            into->counts[count] += from->counts[count];
        else if (from->counts[count] > into->counts[count])
            into->counts[count] = from->counts[count];
    for (int failure = 0; failure < FAILURES; failure++)
        into->failures[failure] += from->failures[failure];
    histogram_merge(&into->latency, &from->latency);
    histogram_merge(&into->lateness, &from->lateness);
    for (size_t at = 0; at < from->slice_count; at++) {
        into->slices[at].answered += from->slices[at].answered;
        into->slices[at].failed += from->slices[at].failed;
        if (from->slices[at].most > into->slices[at].most)
            into->slices[at].most = from->slices[at].most;
    }
}

/* Write how the window was run, and its counts. */
static void write_counts(const struct plan *plan, const struct window *window,
                         const struct tally *tally, bool is_realtime)
{
    bool is_open = window->rate > 0;
    const char *separator = "";

    printf("{\"format\":%d,\"protocol\":\"%s\",\"threads\":%u,\"connections\":%u,"
           "\"depth\":%u,\"realtime\":%s,\"loop\":\"%s\",\"rate_per_s\":%.9g,"
           "\"arrivals\":\"%s\",\"only\":\"%s\",\"run\":%s,\"seconds\":%.9g,"
           "\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64 ",",
           FORMAT, options.protocol, plan->workers, plan->connections, plan->depth,
           is_realtime ? "true" : "false", is_open ? "open" : "closed", window->rate,
           !is_open ? "" : window->constant ? "constant" : "poisson",
           window->only < 0 ? "" : plan->requests.kinds[window->only].name,
           window->is_run ? "true" : "false", (double)window->length / (double)SECOND,
           window->begin, window->end);
    for (int count = 0; count < COUNTS; count++)
        printf("\"%s\":%" PRIu64 ",", count_names[count], tally->counts[count]);
    fputs("\"failures\":{", stdout);
    for (int failure = 1; failure < FAILURES; failure++)
        if (tally->failures[failure] > 0) {
            printf("%s\"%s\":%" PRIu64, separator, failure_names[failure],
                   tally->failures[failure]);
            separator = ",";
        }
}

static void write_window(const struct plan *plan, const struct window *window,
                         const struct worker *workers)
{
    static struct tally total;
    bool is_realtime = true;

    tally_begin(&total, window);
    for (unsigned number = 0; number < plan->workers; number++) {
        merge(&total, &workers[number].tally);
        is_realtime = is_realtime && workers[number].is_realtime;
    }
    write_counts(plan, window, &total, is_realtime);
    fputs("},\"latency_us\":", stdout);
    histogram_write(&total.latency, stdout);
    fputs(",\"lateness_us\":", stdout);
    histogram_write(&total.lateness, stdout);
    fputs(",\"slices\":[", stdout);
    for (size_t at = 0; at < total.slice_count; at++)
        printf("%s[%" PRIu64 ",%" PRIu64 ",%.3f]", at > 0 ? "," : "", total.slices[at].answered,
               total.slices[at].failed, (double)total.slices[at].most / 1e3);
    puts("]}");
    if (fflush(stdout) != 0)
        fail("standard output");
}

/* Run the window that is described by now. */
static void run_window(const struct plan *plan, struct window *window, struct worker *workers)
{
    uint64_t connected = 0;
    pthread_barrier_t *barrier = workers[0].barrier;

    read_window(window, plan);
    pthread_barrier_wait(barrier); /* known */
    pthread_barrier_wait(barrier); /* connected */
    for (unsigned number = 0; number < plan->workers; number++)
        connected += workers[number].tally.counts[CONNECTED];
    window->is_run = connected > 0;
    window->begin = now_ns() + BEGIN_AFTER;
    window->end = window->begin + (window->is_run ? window->length : 0);
    pthread_barrier_wait(barrier); /* begins */
    pthread_barrier_wait(barrier); /* counted */
    write_window(plan, window, workers);
    window->number++;
}

static void obey(char *command, const struct plan *plan, struct window *window,
                 struct worker *workers)
{
    char *rest, *word = strtok_r(command, " \t\n", &rest);
    struct options of_all = options;

    if (word == NULL)
        return;
    if (strcmp(word, "window") != 0)
        usage("there is no command \"%s\"", word);
    while ((word = strtok_r(NULL, " \t\n", &rest)) != NULL)
        set_option(word, true);
    run_window(plan, window, workers);
    options = of_all;
}

static void start_workers(const struct plan *plan, struct window *window, struct worker *workers,
                          const int *cpus)
{
    static pthread_barrier_t barrier;

    pthread_barrier_init(&barrier, NULL, plan->workers + 1);
    for (unsigned number = 0; number < plan->workers; number++) {
        struct worker *worker = &workers[number];
        *worker = (struct worker){plan, window, &barrier, .number = number, .cpu = cpus[number]};
        worker->connections = plan->connections / plan->workers;
        worker->connections += number < plan->connections % plan->workers;
        errno = pthread_create(&worker->thread, NULL, worker_run, worker);
        if (errno != 0)
            fail("a thread cannot be started");
    }
}

int main(int count, char **words)
{
    static struct plan plan;
    static struct window window;
    static struct worker workers[WORKERS_MOST];
    static int cpus[WORKERS_MOST];
    char *line = NULL;
    size_t room = 0;
    unsigned cpu_count;

    (void)count;
    signal(SIGPIPE, SIG_IGN);
    read_options(words + 1);
    read_address(&plan);
    read_requests(&plan.requests);
    cpu_count = read_cpus(cpus);
    plan.connections = (unsigned)options.connections;
    plan.depth = (unsigned)options.depth;
    plan.workers = cpu_count < plan.connections ? cpu_count : plan.connections;
    plan.timeout = (uint64_t)(options.timeout_s * (double)SECOND);
    plan.spin = (uint64_t)(options.spin_us * 1e3);
    plan.seed = (uint64_t)options.seed;
    plan.priority = (int)options.priority;
    raise_limit_of_files(plan.connections);
    if (options.seconds > 0)
        read_window(&window, &plan); /* so that a mistake is found before anything is done */
    start_workers(&plan, &window, workers, cpus);
    if (options.seconds > 0)
        run_window(&plan, &window, workers);
    else
        while (getline(&line, &room, stdin) >= 0)
            obey(line, &plan, &window, workers);
    window.is_last = true;
    pthread_barrier_wait(workers[0].barrier);
    for (unsigned number = 0; number < plan.workers; number++)
        pthread_join(workers[number].thread, NULL);
    free(line);
    return 0;
}
