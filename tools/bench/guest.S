/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of QEMU's virt machine that says "1" with its first instructions, gives
 * BAR4 of the function in slot 1 an address, reads a word of it, says "2" and
 * switches off. The addresses are those of that machine: UART, ECAM, and the window
 * for 64-bit BARs.
 */
#include <linux/pci_regs.h>

#define UART		0x09000000
#define ECAM		0x4010000000
#define WINDOW		0x8000000000
#define SLOT		(ECAM + (1 << 15))
#define SYSTEM_OFF	0x84000008

	.globl	_start
_start:
	ldr	x0, =UART
	mov	w1, #'1'
	strb	w1, [x0]

	ldr	x2, =SLOT
	ldr	x3, =WINDOW
	str	w3, [x2, #PCI_BASE_ADDRESS_4]
	lsr	x4, x3, #32
	str	w4, [x2, #PCI_BASE_ADDRESS_5]
	mov	w4, #PCI_COMMAND_MEMORY
	strh	w4, [x2, #PCI_COMMAND]
	ldr	x4, [x3]

	mov	w1, #'2'
	strb	w1, [x0]
	ldr	x0, =SYSTEM_OFF
	hvc	#0
	b	.
