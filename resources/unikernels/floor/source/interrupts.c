/* SPDX-License-Identifier: Apache-2.0 */
/* The two 8259 interrupt controllers and the 8254 timer: every PC has them, and they need no ACPI tables. */
#include "interrupts.h"

#include "faults.h"
#include "ports.h"

enum {
    MASTER = 0x20, SLAVE = 0xa0, /* their commands; data: one port above */
    INITIALISE = 0x11, CASCADE_LINE = 2, MODE_8086 = 1, END_OF_INTERRUPT = 0x20,
    TIMER_LINE = 0, TIMER_DATA = 0x40, TIMER_COMMAND = 0x43,
    ONE_SHOT = 0x30, /* counter 0, low byte then high byte, mode 0: interrupt at the end of the count */
    SOON_TICKS = 59659, /* of 1,193,182 a second: 50 ms */
    LINES = 8, /* of each */
};

static uint8_t card_line;
static void (*quiet_card)(void);

/* In boot.S. */
void on_timer(void);
void on_card(void);

/* Called from there. */
void timer_interrupt(void);
void card_interrupt(void);

void timer_interrupt(void)
{
    out8(MASTER, END_OF_INTERRUPT);
}

void card_interrupt(void)
{
    quiet_card();
    if (card_line >= LINES)
        out8(SLAVE, END_OF_INTERRUPT);
    out8(MASTER, END_OF_INTERRUPT);
}

static void set_controller(uint16_t port, uint8_t first_vector, uint8_t cascade)
{
    out8(port, INITIALISE);
    out8(port + 1, first_vector);
    out8(port + 1, cascade);
    out8(port + 1, MODE_8086);
}

static void let_through(uint8_t line)
{
    uint16_t lines = (uint16_t)(1 << TIMER_LINE | 1 << CASCADE_LINE | 1 << line);

    out8(MASTER + 1, (uint8_t)~lines);
    out8(SLAVE + 1, (uint8_t)(~lines >> 8));
}

void take_interrupts(uint8_t line, void (*quiet)(void))
{
    card_line = line;
    quiet_card = quiet;
    set_gate(FAULTS + TIMER_LINE, on_timer);
    set_gate(FAULTS + line, on_card);
    set_controller(MASTER, FAULTS, 1 << CASCADE_LINE);
    set_controller(SLAVE, FAULTS + LINES, CASCADE_LINE);
    /* In this mode the timer waits for a count, and is silent until then. */
    out8(TIMER_COMMAND, ONE_SHOT);
    let_through(line);
}

void wake_up_soon(void)
{
    out8(TIMER_COMMAND, ONE_SHOT);
    out8(TIMER_DATA, SOON_TICKS & 0xff);
    out8(TIMER_DATA, SOON_TICKS >> 8);
}

void sleep_until_interrupt(void)
{
    /* `sti` takes effect after the next instruction: no interrupt can arrive before `hlt`. */
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}
