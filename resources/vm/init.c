/* SPDX-License-Identifier: Apache-2.0
 *
 * The first program of a guest, in its initial RAM disk. It loads the modules listed in /modules (under Xen in
 * /modules.xen), in that order, mounts the root file system (the disk with featherbench's serial number, or Xen's
 * first disk), and executes the program that the kernel's parameter `fb_init` names. It reports when user space began,
 * on the second serial port, or on the device that the parameter `fb_report` names.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define REPORT "/dev/featherbench-report"
#define DEFAULT_REPORT "ttyS1"
#define XEN "/sys/hypervisor/type"
#define XENS_FIRST_DISK "xvda"
#define ROOT_SERIAL "featherbench-root"
#define ROOT "/root"
#define DISK_WITHIN_MS 10000

/* When process 1 ends, the kernel panics, which ends the guest. */
static void fail(const char *what)
{
    fprintf(stderr, "featherbench: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void mount_kernels_own(void)
{
    if (mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755") < 0)
        fail("mounting /dev");
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL) < 0)
        fail("mounting /proc");
    if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL) < 0)
        fail("mounting /sys");
}

static void load_module(const char *name)
{
    int module = open(name, O_RDONLY | O_CLOEXEC);

    if (module < 0 || syscall(SYS_finit_module, module, "", 0) < 0)
        fail(name);
    close(module);
}

static void remove_file(const char *name)
{
    unlink(name); /* this file system uses memory */
}

static void for_each_line(const char *path, void (*act)(const char *line))
{
    char line[256];
    FILE *list = fopen(path, "r");

    if (!list)
        fail(path);
    while (fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = '\0';
        act(line);
    }
    fclose(list);
}

static void load_modules(void)
{
    const char *lists[] = {"/modules", "/modules.xen"};

    for_each_line(lists[access(XEN, F_OK) == 0], load_module);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for_each_line(lists[i], remove_file);
        unlink(lists[i]);
    }
}

static int is_root(const char *disk)
{
    char path[300], serial[64] = "";
    snprintf(path, sizeof path, "/sys/block/%s/serial", disk);
    FILE *file = fopen(path, "r");

    if (!file)
        return strcmp(disk, XENS_FIRST_DISK) == 0;
    if (fgets(serial, sizeof serial, file))
        serial[strcspn(serial, "\n")] = '\0';
    fclose(file);
    return strcmp(serial, ROOT_SERIAL) == 0;
}

/* Write the device's path to `device`; return 0 if the disk does not exist yet. */
static int find_root_disk(char *device, size_t size)
{
    struct dirent *entry;
    int found = 0;
    DIR *disks = opendir("/sys/block");

    while (disks && !found && (entry = readdir(disks)))
        if ((found = is_root(entry->d_name)))
            snprintf(device, size, "/dev/%s", entry->d_name);
    if (disks)
        closedir(disks);
    return found;
}

static void mount_root(void)
{
    char device[300];
    const struct timespec millisecond = {.tv_nsec = 1000000};

    for (int waited_ms = 0; !find_root_disk(device, sizeof device); waited_ms++) {
        if (waited_ms == DISK_WITHIN_MS) {
            errno = ENODEV;
            fail("the disk " ROOT_SERIAL);
        }
        nanosleep(&millisecond, NULL);
    }
    if (mount(device, ROOT, "ext4", MS_NOATIME, NULL) < 0)
        fail("mounting the root file system");
}

static void report(struct timespec began)
{
    const char *device = getenv("fb_report"); /* the kernel passes on parameters that it does not know */
    FILE *file;

    if (symlink(device ? device : DEFAULT_REPORT, REPORT) < 0)
        fail(REPORT);
    file = fopen(REPORT, "w");
    if (!file)
        fail(REPORT);
    fprintf(file, "user_space_began_s:%lld.%06ld\n", (long long)began.tv_sec, began.tv_nsec / 1000);
    fclose(file);
}

static void enter_root(void)
{
    const char *moved[] = {"/dev", "/proc", "/sys"};
    char to[64];

    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        snprintf(to, sizeof to, ROOT "%s", moved[i]);
        if (mount(moved[i], to, NULL, MS_MOVE, NULL) < 0)
            fail(to);
    }
    unlink("/init");
    if (chdir(ROOT) < 0 || mount(ROOT, "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        fail("entering the root file system");
}

int main(void)
{
    struct timespec began;
    const char *next = getenv("fb_init");

    clock_gettime(CLOCK_MONOTONIC, &began);
    mount_kernels_own();
    report(began);
    load_modules();
    mount_root();
    enter_root();
    if (next)
        execl(next, next, (char *)NULL);
    fail(next ? next : "the kernel's parameter fb_init");
}
