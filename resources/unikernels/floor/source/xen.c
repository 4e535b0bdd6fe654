/* SPDX-License-Identifier: Apache-2.0 */
#include "xen.h"

#include "console.h"

enum {
    /* arch-x86/cpuid.h: the leaves of CPUID that Xen has, from its first on. */
    NAME = 0, HYPERCALLS = 2, LEAVES = 0x100, MOST_LEAVES = 0x10000,
    ENTRY_BYTES = 32, /* arch-x86/xen-x86_32.h: of a hypercall in its page */
    ADD_TO_PHYSMAP = 7, /* memory.h */
    SHUTDOWN = 2, /* sched.h */
    GET_PARAMETER = 1, /* hvm/hvm_op.h */
};
#define FIRST_LEAF 0x40000000u
#define XENV 0x566e6558u /* arch-x86/cpuid.h: "XenVMMXenVMM" */
#define MMXE 0x65584d4du
#define NVMM 0x4d4d566eu

struct leaf {
    uint32_t a, b, c, d;
};

static uint8_t hypercalls[PAGE] __attribute__((aligned(PAGE)));
static uint8_t shared[PAGE] __attribute__((aligned(PAGE)));

static struct leaf cpuid(uint32_t number)
{
    struct leaf leaf;

    __asm__ volatile("cpuid" : "=a"(leaf.a), "=b"(leaf.b), "=c"(leaf.c), "=d"(leaf.d) : "a"(number), "c"(0));
    return leaf;
}

/* Return Xen's first leaf; 0: this is not Xen. If Xen emulates another hypervisor, the other's leaves come first. */
static uint32_t find_leaves(void)
{
    for (uint32_t first = FIRST_LEAF; first < FIRST_LEAF + MOST_LEAVES; first += LEAVES) {
        struct leaf leaf = cpuid(first + NAME);

        if (leaf.b == XENV && leaf.c == MMXE && leaf.d == NVMM)
            return first;
        if (leaf.a < first)
            return 0; /* unused: each query costs an exit to the hypervisor */
    }
    return 0;
}

bool enter_xen(void)
{
    uint32_t first = find_leaves();

    if (!first)
        return false;
    /* That register takes the address of a page, to which Xen writes the entries. */
    __asm__ volatile("wrmsr" : : "c"(cpuid(first + HYPERCALLS).b), "a"(hypercalls), "d"(0) : "memory");
    map_page(SHARED_INFO, shared);
    return true;
}

int32_t call_xen(enum hypercall number, uint32_t operation, void *argument, uint32_t count)
{
    const uint8_t *entry = hypercalls + number * ENTRY_BYTES;
    int32_t result;

    /* Xen may overwrite the registers of the arguments. */
    __asm__ volatile("call *%4"
                     : "=a"(result), "+b"(operation), "+c"(argument), "+d"(count)
                     : "r"(entry)
                     : "memory", "cc");
    return result;
}

uint64_t parameter(enum parameter number)
{
    /* hvm/hvm_op.h: struct xen_hvm_param. */
    struct { uint16_t domain, unused; uint32_t number; uint64_t value; } asked = {
        .domain = OURSELVES, .number = number,
    };

    return call_xen(HVM, GET_PARAMETER, &asked, 0) < 0 ? 0 : asked.value;
}

void map_page(enum space space, void *page)
{
    /* memory.h: struct xen_add_to_physmap. */
    struct { uint16_t domain, count; uint32_t space, index, frame; } asked = {
        .domain = OURSELVES, .space = space, .frame = (uint32_t)page / PAGE,
    };

    if (call_xen(MEMORY, ADD_TO_PHYSMAP, &asked, 0) < 0)
        give_up("Xen does not share its page ", space == GRANTS ? "of grants" : "of events");
}

volatile struct shared_info *shared_info(void)
{
    return (volatile struct shared_info *)shared;
}

void end_domain(enum reason reason)
{
    uint32_t asked = reason; /* sched.h: struct sched_shutdown */

    call_xen(SCHEDULE, SHUTDOWN, &asked, 0);
    for (;;)
        __asm__ volatile("cli; hlt");
}
