/* SPDX-License-Identifier: Apache-2.0 */
/* The processor's table of handlers, for faults and for interrupts. */
#include "faults.h"

#include "console.h"

#include <stdint.h>

enum { CODE_SELECTOR = 0x08, INTERRUPT_GATE = 0x8e };

/* Which of the processor's faults push an error code (8, 10 to 14, 17, 21, 29, 30). */
static const uint32_t WITH_CODE = 0x60227d00;

struct gate {
    uint16_t handler_low, selector;
    uint8_t zero, kind;
    uint16_t handler_high;
};

static struct gate gates[VECTORS];

/* In boot.S. */
void on_other(void);
void on_fault(void);
void on_fault_with_code(void);

/* Called from there. */
_Noreturn void floor_fault(uint32_t address);

void floor_fault(uint32_t address)
{
    say_number("the processor found a fault at ", address);
    give_up("stopped", "");
}

void set_gate(unsigned vector, void (*handler)(void))
{
    uint32_t address = (uint32_t)handler;

    gates[vector] = (struct gate){
        .handler_low = (uint16_t)address,
        .selector = CODE_SELECTOR,
        .kind = INTERRUPT_GATE,
        .handler_high = (uint16_t)(address >> 16),
    };
}

void take_faults(void)
{
    struct { uint16_t last; uint32_t gates; } __attribute__((packed)) pointer = {
        .last = sizeof gates - 1, .gates = (uint32_t)gates,
    };

    for (unsigned vector = 0; vector < FAULTS; vector++)
        set_gate(vector, WITH_CODE >> vector & 1 ? on_fault_with_code : on_fault);
    for (unsigned vector = FAULTS; vector < VECTORS; vector++)
        set_gate(vector, on_other);
    __asm__ volatile("lidt %0" : : "m"(pointer), "m"(gates));
}
