// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMMs that do not align their mappings (cloud-hypervisor, crosvm): each sparse area is mapped
 * where the kernel puts it and becomes a memory slot of KVM. A guest reads and writes the first
 * and the last pages of each area; the host sees the same, and faults once for dozens of pages.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kvm.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define PAGES		2048		/* at each end of an area */
#define CODE		0x10000000ULL	/* guest physical addresses: program, nothing, BAR */
#define EXIT		0x20000000ULL
#define BAR		0x4000000000ULL
#define CODE_SLOT	GPU_MAX_AREAS

FIXTURE(vmm_map) {
	struct mem mem;
	int vm;
	int vcpu;
	struct kvm_run *run;
};

FIXTURE_VARIANT(vmm_map) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(vmm_map, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(vmm_map, resmem) { .is_resmem = true };

#ifdef __aarch64__
/*
 * Sums up x2 words that are x1 apart from x0 on, writes its address to each, and leaves with a
 * store to where nothing is. Goes on from there with new registers.
 */
static const __u32 program[] = {
	0xd2800005,	/* 0: mov x5, #0 */
	0xf9400004,	/* 1: ldr x4, [x0] */
	0x8b0400a5,	/*    add x5, x5, x4 */
	0xf9000000,	/*    str x0, [x0] */
	0x8b010000,	/*    add x0, x0, x1 */
	0xf1000442,	/*    subs x2, x2, #1 */
	0x54ffff61,	/*    b.ne 1b */
	0xf9000065,	/*    str x5, [x3] */
	0x17fffff8,	/*    b 0b */
};

static void init_vcpu(int vm, int vcpu)
{
	struct kvm_vcpu_init init;

	if (ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) ||
	    ioctl(vcpu, KVM_ARM_VCPU_INIT, &init))
		die("KVM_ARM_VCPU_INIT: %s", strerror(errno));
}

static void set_register(int vcpu, size_t offset, __u64 val)
{
	struct kvm_one_reg reg = {
		.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |
		      offset / sizeof(__u32),
		.addr = (__u64)&val,
	};

	if (ioctl(vcpu, KVM_SET_ONE_REG, &reg))
		die("KVM_SET_ONE_REG: %s", strerror(errno));
}

static void set_arguments(int vcpu, __u64 start, __u64 step, __u64 nr)
{
	const __u64 args[] = { start, step, nr, EXIT };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(args); i++)
		set_register(vcpu, offsetof(struct kvm_regs, regs.regs) + i * sizeof(*args),
			     args[i]);
}

static void add_slot(int vm, unsigned int slot, __u64 where, __u64 len, void *p)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = where,
		.memory_size = len,
		.userspace_addr = (__u64)p,
	};

	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		die("memory slot of 0x%llx bytes: %s", len, strerror(errno));
}

static void add_code(int vm, __u64 page)
{
	void *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("no page for the program: %s", strerror(errno));
	memcpy(p, program, sizeof(program));
	add_slot(vm, CODE_SLOT, CODE, page, p);
}

FIXTURE_SETUP(vmm_map)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), len;

	if (kvm < 0)
		SKIP(return, "no /dev/kvm");
	if (!mem_open(&self->mem, variant->is_resmem))
		SKIP(return, "this GPU has no %s", self->mem.want->name);
	self->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	ASSERT_GE(self->vm, 0);
	self->vcpu = ioctl(self->vm, KVM_CREATE_VCPU, 0);
	ASSERT_GE(self->vcpu, 0);
	len = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	self->run = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, self->vcpu, 0);
	ASSERT_NE(self->run, MAP_FAILED);
	init_vcpu(self->vm, self->vcpu);
	add_code(self->vm, self->mem.page);
	set_register(self->vcpu, offsetof(struct kvm_regs, regs.pc), CODE);
	close(kvm);
}

FIXTURE_TEARDOWN(vmm_map)
{
	gpu_close(&self->mem.gpu);
}

/* Return: what the guest has read in @nr pages from @offset of the BAR on, summed up. */
static __u64 run_guest(struct __test_metadata *_metadata, struct _test_data_vmm_map *self,
		       __u64 offset, __u64 nr)
{
	__u64 sum;

	set_arguments(self->vcpu, BAR + offset, self->mem.page, nr);
	ASSERT_EQ(ioctl(self->vcpu, KVM_RUN, 0), 0)
		TH_LOG("KVM_RUN: %s", strerror(errno));
	ASSERT_EQ(self->run->exit_reason, KVM_EXIT_MMIO);
	ASSERT_EQ(self->run->mmio.phys_addr, EXIT);
	memcpy(&sum, self->run->mmio.data, sizeof(sum));
	return sum;
}

static void check_pages(struct __test_metadata *_metadata, struct _test_data_vmm_map *self,
			__u64 offset, __u64 nr)
{
	__u64 i, val, sum = 0, got;
	long faults;

	for (i = 0; i < nr; i++) {
		val = offset * 3 + i;
		sum += val;
		gpu_pwrite(&self->mem.gpu, &self->mem.region, &val, sizeof(val),
			   offset + i * self->mem.page);
	}
	faults = minor_faults();
	got = run_guest(_metadata, self, offset, nr);
	faults = minor_faults() - faults;
	EXPECT_EQ(got, sum)
		TH_LOG("BAR%u: the guest reads other words from 0x%llx on",
		       self->mem.want->index, offset);
	EXPECT_LE(faults, (long)nr / 32 + 2)
		TH_LOG("BAR%u: %ld faults of the host for %llu pages of the guest",
		       self->mem.want->index, faults, nr);
	for (i = 0; i < nr; i++) {
		gpu_pread(&self->mem.gpu, &self->mem.region, &val, sizeof(val),
			  offset + i * self->mem.page);
		ASSERT_EQ(val, BAR + offset + i * self->mem.page)
			TH_LOG("BAR%u: what the guest wrote at 0x%llx is not there",
			       self->mem.want->index, offset + i * self->mem.page);
	}
}

TEST_F(vmm_map, guest_uses_areas_where_the_kernel_maps_them)
{
	const struct gpu_region *region = &self->mem.region;
	__u64 nr, page = self->mem.page;
	unsigned int i;

	ASSERT_GT(region->nr_areas, 0);
	for (i = 0; i < region->nr_areas; i++) {
		const struct gpu_area *area = &region->areas[i];

		add_slot(self->vm, i, BAR + area->offset, area->size,
			 gpu_map(&self->mem.gpu, region, area->offset, area->size));
		nr = area->size / page < PAGES ? area->size / page : PAGES;
		check_pages(_metadata, self, area->offset, nr);
		check_pages(_metadata, self, area->offset + area->size - nr * page, nr);
	}
}
#else
FIXTURE_SETUP(vmm_map)
{
	SKIP(return, "the guest's program is for arm64");
}

FIXTURE_TEARDOWN(vmm_map)
{
}

TEST_F(vmm_map, guest_uses_areas_where_the_kernel_maps_them)
{
}
#endif

TEST_HARNESS_MAIN
