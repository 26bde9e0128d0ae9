// SPDX-License-Identifier: GPL-2.0-only
/*
 * Region info with its sparse-mmap capability, mappings, and read and write
 * by file offset.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu.h"

#define INFO_BUF_LEN	1024

static int parse_sparse(const struct vfio_region_info_cap_sparse_mmap *sparse,
			struct gpu_region *region)
{
	unsigned int i;

	if (sparse->nr_areas > GPU_MAX_AREAS)
		return -E2BIG;
	region->is_sparse = true;
	region->nr_areas = sparse->nr_areas;
	for (i = 0; i < sparse->nr_areas; i++) {
		region->areas[i].offset = sparse->areas[i].offset;
		region->areas[i].size = sparse->areas[i].size;
	}
	if (i)
		region->mem_len = region->areas[i - 1].offset +
				  region->areas[i - 1].size;
	return 0;
}

static int parse_caps(const char *buf, const struct vfio_region_info *info,
		      struct gpu_region *region)
{
	__u32 pos = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;
	const struct vfio_info_cap_header *cap;
	int ret = 0;

	while (pos && !ret) {
		if (pos + sizeof(*cap) > info->argsz)
			return -EPROTO;
		cap = (const void *)(buf + pos);
		if (cap->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			ret = parse_sparse((const void *)cap, region);
		pos = cap->next;
	}
	return ret;
}

int __gpu_region(struct gpu *gpu, __u32 index, struct gpu_region *region)
{
	alignas(8) char buf[INFO_BUF_LEN] = "";
	struct vfio_region_info *info = (void *)buf;

	memset(region, 0, sizeof(*region));
	info->argsz = sizeof(buf);
	info->index = index;
	if (ioctl(gpu->device, VFIO_DEVICE_GET_REGION_INFO, info))
		return -errno;

	region->index = index;
	region->flags = info->flags;
	region->size = info->size;
	region->offset = info->offset;
	if (info->flags & VFIO_REGION_INFO_FLAG_MMAP)
		region->mem_len = info->size;
	return parse_caps(buf, info, region);
}

void gpu_region(struct gpu *gpu, __u32 index, struct gpu_region *region)
{
	int ret = __gpu_region(gpu, index, region);

	if (ret)
		die("%s: region info of index %u: %s", gpu->bdf, index,
		    strerror(-ret));
}

void *__gpu_map(struct gpu *gpu, const struct gpu_region *region, __u64 offset,
		__u64 len, int prot, int flags, void *addr)
{
	return mmap(addr, len, prot, flags, gpu->device, region->offset + offset);
}

void *gpu_map(struct gpu *gpu, const struct gpu_region *region, __u64 offset,
	      __u64 len)
{
	void *p = __gpu_map(gpu, region, offset, len, PROT_READ | PROT_WRITE,
			    MAP_SHARED, NULL);

	if (p == MAP_FAILED)
		die("BAR%u: cannot map 0x%llx bytes at 0x%llx: %s", region->index,
		    len, offset, strerror(errno));
	return p;
}

/**
 * gpu_map_aligned() - map at a chosen place within an aligned window
 * @gpu: the device
 * @region: region to map
 * @offset: offset in the region
 * @len: bytes
 * @align: power of two that the window's start is a multiple of
 * @skew: bytes (multiple of the page size) from there to the mapping
 *
 * Kernels do not align vfio mappings, so whoever wants huge pages, or wants
 * to be sure of none, chooses the address.
 *
 * Return: the mapping; the window around it stays reserved.
 */
void *gpu_map_aligned(struct gpu *gpu, const struct gpu_region *region,
		      __u64 offset, __u64 len, __u64 align, __u64 skew)
{
	uintptr_t window;
	void *p;

	p = mmap(NULL, len + skew + align, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die("cannot reserve address space: %s", strerror(errno));
	window = ((uintptr_t)p + align - 1) & ~(uintptr_t)(align - 1);

	p = __gpu_map(gpu, region, offset, len, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_FIXED, (void *)(window + skew));
	if (p == MAP_FAILED)
		die("BAR%u: cannot map 0x%llx bytes at 0x%llx, window aligned to 0x%llx: %s",
		    region->index, len, offset, align, strerror(errno));
	return p;
}

ssize_t __gpu_pread(struct gpu *gpu, const struct gpu_region *region, void *buf,
		    size_t len, __u64 offset)
{
	ssize_t ret = pread(gpu->device, buf, len, region->offset + offset);

	return ret < 0 ? -errno : ret;
}

ssize_t __gpu_pwrite(struct gpu *gpu, const struct gpu_region *region,
		     const void *buf, size_t len, __u64 offset)
{
	ssize_t ret = pwrite(gpu->device, buf, len, region->offset + offset);

	return ret < 0 ? -errno : ret;
}

static void must_be(const char *what, const struct gpu_region *region,
		    ssize_t ret, size_t len, __u64 offset)
{
	if (ret < 0)
		die("BAR%u: %s of %zu bytes at 0x%llx: %s", region->index, what,
		    len, offset, strerror((int)-ret));
	if ((size_t)ret != len)
		die("BAR%u: %s of %zu bytes at 0x%llx: short count %zd",
		    region->index, what, len, offset, ret);
}

void gpu_pread(struct gpu *gpu, const struct gpu_region *region, void *buf,
	       size_t len, __u64 offset)
{
	must_be("read", region, __gpu_pread(gpu, region, buf, len, offset), len,
		offset);
}

void gpu_pwrite(struct gpu *gpu, const struct gpu_region *region,
		const void *buf, size_t len, __u64 offset)
{
	must_be("write", region, __gpu_pwrite(gpu, region, buf, len, offset), len,
		offset);
}
