/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry point of the PVH protocol, which QEMU and Xen share. The processor is in 32-bit protected mode without
 * paging, and stays in it; EBX has the address of a struct hvm_start_info.
 * See https://xenbits.xen.org/docs/unstable/misc/pvh.html.
 */
#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10
#define STACK_BYTES 8192

    .section .note.pvh, "a", @note
    .align 4
    .long 4                         /* length of the name */
    .long 4                         /* length of the value */
    .long XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_entry

    .text
    .code32
    .globl pvh_entry
pvh_entry:
    cli
    cld
    movl $stack_top, %esp
    /* At entry the descriptors are the hypervisor's; interrupts need our own. */
    lgdt gdt_pointer
    ljmp $CODE_SELECTOR, $1f
1:  movw $DATA_SELECTOR, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    xorl %ebp, %ebp
    subl $12, %esp                  /* the ABI needs the stack aligned to 16 at a call */
    pushl %ebx
    call floor_main
2:  cli
    hlt
    jmp 2b

/*
 * An interrupt only has to end a `hlt`: the waiting loop checks what happened. The handlers acknowledge it to the
 * controllers, and to the card, which would otherwise raise it again forever.
 */
    .globl on_timer, on_card, on_other
on_timer:
    pushal
    cld
    call timer_interrupt
    popal
    iretl
on_card:
    pushal
    cld
    call card_interrupt
    popal
    iretl
on_other:
    iretl

/* Faults: none is expected, so all end in the same way, with the address on the console. */
    .globl on_fault, on_fault_with_code
on_fault_with_code:
    addl $4, %esp
on_fault:
    cld
    popl %eax                       /* where it happened */
    subl $12, %esp
    pushl %eax
    call floor_fault
3:  cli
    hlt
    jmp 3b

    .section .rodata
    .align 8
gdt:
    .quad 0
    .quad 0x00cf9a000000ffff        /* code: all 4 GiB */
    .quad 0x00cf92000000ffff        /* data: the same */
gdt_end:
    .align 4
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt

    .bss
    .align 16
stack:
    .skip STACK_BYTES
stack_top:
