// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of a kernel module that depmod and modinfo read.
 */
asm(".section .modinfo, \"a\"\n"
	".asciz \"name=nvgpu_vfio_pci\"\n"
	".asciz \"version=0.1.0\"\n"
	".asciz \"srcversion=0123456789ABCDEF0123456\"\n"
	".asciz \"license=GPL\"\n");
