// SPDX-License-Identifier: GPL-2.0-only
/*
 * Region info: every size that a VMM is told. A BAR is a power of two, the
 * sparse areas cover exactly the memory that exists, and all that is not
 * synthetic is as the hardware has it.
 */
#include <errno.h>
#include <stdalign.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include <kselftest_harness.h>

#include "gpu.h"

#define BAR_FLAGS (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | \
		   VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS)
#define CANARY	0xa5

FIXTURE(region_info) {
	struct gpu gpu;
	struct model model;
	const struct model_region *want;
	struct gpu_region got;
};

FIXTURE_VARIANT(region_info) {
	bool is_resmem;
};

FIXTURE_VARIANT_ADD(region_info, usemem) { .is_resmem = false };
FIXTURE_VARIANT_ADD(region_info, resmem) { .is_resmem = true };

FIXTURE_SETUP(region_info)
{
	model_from_sim(&self->model);
	self->want = variant->is_resmem ? &self->model.resmem :
					  &self->model.usemem;
	if (!self->want->mem_len)
		SKIP(return, "this GPU has no %s", self->want->name);
	gpu_open(&self->gpu);
	gpu_region(&self->gpu, self->want->index, &self->got);
}

FIXTURE_TEARDOWN(region_info)
{
	gpu_close(&self->gpu);
}

TEST_F(region_info, size_is_power_of_two)
{
	__u64 size = self->got.size;

	EXPECT_TRUE(size && !(size & (size - 1)))
		TH_LOG("BAR%u region size 0x%llx is not a power of two",
		       self->want->index, size);
	EXPECT_EQ(size, self->want->bar_size)
		TH_LOG("BAR%u region size 0x%llx, expected 0x%llx for 0x%llx bytes of %s",
		       self->want->index, size, self->want->bar_size,
		       self->want->mem_len, self->want->name);
}

TEST_F(region_info, flags)
{
	EXPECT_EQ(self->got.flags, BAR_FLAGS)
		TH_LOG("BAR%u flags 0x%x, expected read, write, mmap and caps (0x%x)",
		       self->want->index, self->got.flags, BAR_FLAGS);
}

TEST_F(region_info, offset)
{
	EXPECT_EQ(self->got.offset, (__u64)self->want->index << 40)
		TH_LOG("BAR%u region begins at 0x%llx in the device file",
		       self->want->index, self->got.offset);
}

TEST_F(region_info, sparse_areas_cover_the_memory)
{
	__u64 end = 0;
	unsigned int i;

	ASSERT_TRUE(self->got.is_sparse)
		TH_LOG("BAR%u has no sparse mmap capability", self->want->index);
	for (i = 0; i < self->got.nr_areas; i++) {
		EXPECT_EQ(self->got.areas[i].offset, end)
			TH_LOG("BAR%u sparse area %u begins at 0x%llx, expected 0x%llx",
			       self->want->index, i, self->got.areas[i].offset, end);
		EXPECT_NE(self->got.areas[i].size, 0)
			TH_LOG("BAR%u sparse area %u is empty", self->want->index, i);
		end = self->got.areas[i].offset + self->got.areas[i].size;
	}
	EXPECT_EQ(end, self->want->mem_len)
		TH_LOG("BAR%u sparse areas end at 0x%llx, expected 0x%llx, the length of %s",
		       self->want->index, end, self->want->mem_len, self->want->name);
}

/*
 * iommufd maps a dma-buf of one range only. Where there is no dma-buf export, a tail that
 * is no huge page has an area of its own, or it costs all their alignment.
 */
TEST_F(region_info, number_of_sparse_areas)
{
	__u64 tail = self->want->mem_len % pmd_size();
	unsigned int nr = 1;

	if (!gpu_has_dmabuf(&self->gpu) && tail && tail != self->want->mem_len)
		nr = 2;
	ASSERT_EQ(self->got.nr_areas, nr)
		TH_LOG("BAR%u has %u sparse areas, expected %u for 0x%llx bytes",
		       self->want->index, self->got.nr_areas, nr,
		       self->want->mem_len);
	if (nr == 2)
		EXPECT_EQ(self->got.areas[1].size, tail)
			TH_LOG("BAR%u: the tail has 0x%llx bytes, expected 0x%llx",
			       self->want->index, self->got.areas[1].size, tail);
}

TEST_F(region_info, argsz_too_small)
{
	struct vfio_region_info info = {
		.argsz = offsetof(struct vfio_region_info, offset),
		.index = self->want->index,
	};

	EXPECT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_GET_REGION_INFO, &info), -1)
		TH_LOG("an argsz without room for the offset was accepted");
	EXPECT_EQ(errno, EINVAL);
}

TEST_F(region_info, argsz_without_room_for_caps)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = self->want->index,
	};
	__u32 need = sizeof(info) + sizeof(struct vfio_region_info_cap_sparse_mmap) +
		     self->got.nr_areas * sizeof(struct vfio_region_sparse_mmap_area);

	ASSERT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	EXPECT_EQ(info.argsz, need)
		TH_LOG("argsz asks for %u bytes, expected %u", info.argsz, need);
	EXPECT_EQ(info.cap_offset, 0)
		TH_LOG("cap_offset %u points beyond the buffer", info.cap_offset);
	EXPECT_EQ(info.flags, BAR_FLAGS);
	EXPECT_EQ(info.size, self->want->bar_size)
		TH_LOG("BAR%u region size 0x%llx, expected 0x%llx", info.index,
		       (__u64)info.size, self->want->bar_size);
}

TEST_F(region_info, nothing_written_beyond_the_caps)
{
	alignas(8) __u8 buf[512];
	struct vfio_region_info *info = (void *)buf;
	__u32 end, i;

	memset(buf, CANARY, sizeof(buf));
	*info = (struct vfio_region_info) {
		.argsz = sizeof(buf), .index = self->want->index,
	};
	ASSERT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_GET_REGION_INFO, info), 0);
	EXPECT_EQ(info->argsz, sizeof(buf))
		TH_LOG("argsz changed to %u although the buffer was large enough",
		       info->argsz);
	end = sizeof(*info) + sizeof(struct vfio_region_info_cap_sparse_mmap) +
	      self->got.nr_areas * sizeof(struct vfio_region_sparse_mmap_area);
	for (i = end; i < sizeof(buf); i++) {
		ASSERT_EQ(buf[i], CANARY)
			TH_LOG("byte %u behind the capabilities was written", i);
	}
}

/* The regions that belong to the hardware. */
FIXTURE(hardware) {
	struct gpu gpu;
	struct model model;
};

FIXTURE_SETUP(hardware)
{
	model_from_sim(&self->model);
	gpu_open(&self->gpu);
}

FIXTURE_TEARDOWN(hardware)
{
	gpu_close(&self->gpu);
}

TEST_F(hardware, device_info)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(ioctl(self->gpu.device, VFIO_DEVICE_GET_INFO, &info), 0);
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_PCI);
	EXPECT_TRUE(info.flags & VFIO_DEVICE_FLAGS_RESET)
		TH_LOG("the device does not offer VFIO_DEVICE_RESET");
	EXPECT_GE(info.num_regions, VFIO_PCI_CONFIG_REGION_INDEX + 1);
}

TEST_F(hardware, bar0)
{
	struct gpu_region bar0;

	gpu_region(&self->gpu, VFIO_PCI_BAR0_REGION_INDEX, &bar0);
	EXPECT_EQ(bar0.size, sim_read_u64("bar0_size"))
		TH_LOG("BAR0 region size 0x%llx is not the hardware's", bar0.size);
	EXPECT_TRUE(bar0.flags & VFIO_REGION_INFO_FLAG_MMAP);
}

TEST_F(hardware, bar2_without_resmem)
{
	struct gpu_region bar2;

	if (self->model.resmem.mem_len)
		SKIP(return, "this GPU has resmem at BAR2");
	gpu_region(&self->gpu, VFIO_PCI_BAR2_REGION_INDEX, &bar2);
	EXPECT_EQ(bar2.size, sim_read_u64("bar2_size"))
		TH_LOG("BAR2 region size 0x%llx is not the hardware's", bar2.size);
	EXPECT_FALSE(bar2.is_sparse)
		TH_LOG("BAR2 has a sparse mmap capability, but it is a physical BAR");
}

TEST_F(hardware, upper_halves_have_no_region)
{
	static const __u32 upper[] = { 1, 3, 5 };
	struct gpu_region region;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(upper); i++) {
		gpu_region(&self->gpu, upper[i], &region);
		EXPECT_EQ(region.size, 0)
			TH_LOG("BAR%u is the upper half of a 64-bit BAR but has size 0x%llx",
			       upper[i], region.size);
		EXPECT_EQ(region.flags, 0);
	}
}

TEST_F(hardware, config_region)
{
	struct gpu_region config;

	gpu_region(&self->gpu, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	EXPECT_TRUE(config.size == PCI_CFG_SPACE_SIZE ||
		    config.size == PCI_CFG_SPACE_EXP_SIZE)
		TH_LOG("configuration space has 0x%llx bytes", config.size);
}

TEST_F(hardware, unknown_index)
{
	struct gpu_region region;

	EXPECT_EQ(__gpu_region(&self->gpu, 1000, &region), -EINVAL)
		TH_LOG("region index 1000 exists");
}

TEST_HARNESS_MAIN
