/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PID 1 of the inner guest: proves from inside a VM that the BARs of the
 * assigned GPU are what they claim to be. It uses nothing but sysfs, as a
 * guest that knows PCI and not this driver. With ACPI it also stands in for
 * the GPU's own driver, which makes NUMA memory of BAR4.
 */
#ifndef LAB_GUEST_H
#define LAB_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <linux/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define BLOCK	0x200000ULL	/* each block of this size has a pattern of its own */

/**
 * struct bar - a BAR with memory behind it, or memory of a NUMA node
 * @index: 2 or 4, or the number of the node
 * @name: "BAR2", "BAR4", "node 1"
 * @mem_len: bytes that exist, as the host told on the command line
 * @size: bytes that the register claims
 * @type: low bits of the register
 * @is_device: this host's KVM can map it as Device memory only
 * @wc: mapping of the whole BAR, write-combining
 * @device: the same as Device memory
 */
struct bar {
	unsigned int index;
	const char *name;
	__u64 mem_len;
	__u64 size;
	unsigned int type;
	bool is_device;
	unsigned char *wc;
	unsigned char *device;
};

/* report.c: results on the console, "PASS ..." or "FAIL ...". */
void report_begin(bool ok);
void report_end(void);
unsigned int nr_failed(void);
unsigned int nr_passed(void);
double now(void);

#define say(...) do {			\
	printf(__VA_ARGS__);		\
	report_end();			\
} while (0)

#define check(ok, ...) ({		\
	bool ok_ = (ok);		\
	report_begin(ok_);		\
	printf(__VA_ARGS__);		\
	report_end();			\
	ok_;				\
})

/* nodes.c: NUMA nodes as the kernel shows them. */
void check_nodes(unsigned int wanted);
__u64 node_bytes(unsigned int node, const char *key);
void show_nodes(void);

/* pci.c: the function, its registers and mappings. */
bool pci_find(unsigned int which, char *slot);
bool pci_resource(unsigned int bar, __u64 *start, __u64 *size);
bool pci_has_interrupt(void);
unsigned int pci_device_id(void);
void pci_reset(void);
void pci_wait_gone(void);
void pci_size_bar(struct bar *bar);
void pci_enable(void);
void pci_map(struct bar *bar);

/* fill.c: all of a memory, or of several before any is read. */
void check_pattern(const struct bar *bar);
void check_contents(struct bar *bars, unsigned int nr);

/* stand_in.c: does with each GPU what its own driver does. */
void stand_in(const char *memory, bool with_reset);

/* memory.c: programs that use a node as memory; fill_memory() is one of them. */
void fill_memory(unsigned int node, const char *name);
void check_memory(unsigned int node, const char *name);

/* access.c: single accesses, what only Normal memory allows, and what lies beyond it. */
__u64 load64(const unsigned char *p);
void store64(unsigned char *p, __u64 val);
void check_accesses(struct bar *bar);
void check_beyond(struct bar *bar);

#endif
