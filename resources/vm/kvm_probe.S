/* SPDX-License-Identifier: Apache-2.0
 *
 * The guest of scripts/featherbench/vm/libvirt/kvm_probe.py, which has its bytes: a boot sector that enters long mode,
 * as every guest does, executes instructions that every program needs, and ends QEMU by the port of isa-debug-exit.
 * A KVM that must emulate instructions handles the first steps of a boot, and fails at these instructions.
 */
    .set TABLES, 0x1000
    .set PRESENT_WRITABLE, 3
    .set LARGE_PAGE, 0x80
    .set CR4_PAE_AND_SSE, 0x620
    .set EFER, 0xc0000080
    .set EFER_LONG_MODE, 0x100
    .set CR0_WITHOUT_EMULATION, 0xfffffffb
    .set CR0_PAGING_AND_PROTECTION, 0x80000003
    .set SCRATCH, 0x5000
    .set EXIT_PORT, 0xf4
    .set RAN, 0x2a

    .code16
    .globl _start
_start:
    cli
    cld
    xorl %eax, %eax
    movw %ax, %ds
    movw %ax, %es
    movl $TABLES, %edi
    movl $0x1400, %ecx
    addr32 rep stosl
    movl $TABLES + 0x1000 + PRESENT_WRITABLE, TABLES
    movl $TABLES + 0x2000 + PRESENT_WRITABLE, TABLES + 0x1000
    movl $LARGE_PAGE + PRESENT_WRITABLE, TABLES + 0x2000
    movl $TABLES, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $CR4_PAE_AND_SSE, %eax
    movl %eax, %cr4
    movl $EFER, %ecx
    rdmsr
    orl $EFER_LONG_MODE, %eax
    wrmsr
    movl %cr0, %eax
    andl $CR0_WITHOUT_EMULATION, %eax
    orl $CR0_PAGING_AND_PROTECTION, %eax
    movl %eax, %cr0
    lgdtl table
    ljmpl $8, $long

    .code64
long:
    movl $SCRATCH, %edi
    xorl %edx, %edx
    xorl %eax, %eax
    movl $1, %ebx
    movl $2, %ecx
    lock cmpxchg16b (%rdi)
    jnz dead
    movups (%rdi), %xmm0
    movq %xmm0, %rax
    decl %eax
    jnz dead
    movb $RAN, %al
    outb %al, $EXIT_PORT
dead:
    cli
    hlt
    jmp dead

    .balign 8
descriptors:
    .quad 0
    .quad 0x00209a0000000000
table:
    .word 15
    .long descriptors
    .org 510
    .word 0xaa55
