// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of VFIO_DEVICE_GET_REGION_INFO: the words of vfio.h on argsz and on the
 * chain of capabilities, and what the areas that can be mapped must be.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/vfio.h>

#include "model.h"

#define INFO_LEN	sizeof(struct vfio_region_info)
#define CAP_LEN		sizeof(struct vfio_info_cap_header)
#define SPARSE_LEN	sizeof(struct vfio_region_info_cap_sparse_mmap)
#define AREA_LEN	sizeof(struct vfio_region_sparse_mmap_area)
#define RW		(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
#define KNOWN_FLAGS	(RW | VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS)

static bool wrong(char *why, const char *what, __u64 got, __u64 expected)
{
	snprintf(why, WHY_LEN, "%s is 0x%llx, expected 0x%llx", what, got, expected);
	return false;
}

/* The areas, in order, are all of what exists, and nothing twice. */
static bool check_areas(const struct model *model, const struct bar *bar,
			const __u8 *data, __u32 at, __u32 argsz, char *why)
{
	struct vfio_region_info_cap_sparse_mmap cap;
	struct vfio_region_sparse_mmap_area area;
	__u64 covered = 0;
	__u32 i;

	memcpy(&cap, data + at, SPARSE_LEN);
	if (cap.header.version != 1)
		return wrong(why, "version of the capability", cap.header.version, 1);
	if (!cap.nr_areas || cap.nr_areas > (argsz - at - SPARSE_LEN) / AREA_LEN)
		return wrong(why, "number of areas", cap.nr_areas, 1);
	for (i = 0; i < cap.nr_areas; i++) {
		memcpy(&area, data + at + SPARSE_LEN + i * AREA_LEN, AREA_LEN);
		if (area.offset != covered)
			return wrong(why, "begin of an area", area.offset, covered);
		if (!area.size || area.size % model->layout->page)
			return wrong(why, "part of a page in an area", area.size, 0);
		covered += area.size;
	}
	if (covered != bar->mem_len)
		return wrong(why, "end of the areas", covered, bar->mem_len);
	return true;
}

/* Walks the chain, which must stay inside of what was returned. */
static bool check_caps(const struct model *model, const struct bar *bar,
		       const struct vfio_region_info *info, const __u8 *data,
		       __u32 argsz, char *why)
{
	struct vfio_info_cap_header cap;
	__u32 at = info->cap_offset, left = 8;
	bool is_sparse = false;

	while (at && left--) {
		if (at < INFO_LEN || at % 8 || at > argsz - CAP_LEN)
			return wrong(why, "offset of a capability", at, INFO_LEN);
		memcpy(&cap, data + at, CAP_LEN);
		if (cap.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) {
			if (at > argsz - SPARSE_LEN)
				return wrong(why, "offset of a capability", at, INFO_LEN);
			if (!check_areas(model, bar, data, at, argsz, why))
				return false;
			is_sparse = true;
		}
		at = cap.next;
	}
	if (at)
		return wrong(why, "capability after the last", at, 0);
	if (bar->is_memory && !is_sparse)
		return wrong(why, "number of sparse-mmap capabilities", 0, 1);
	return true;
}

/* argsz of the caller may be too small for the capabilities: then it is told. */
static bool check_bar(const struct model *model, const struct bar *bar,
		      const struct vfio_region_info *info, const __u8 *data,
		      __u32 argsz, char *why)
{
	__u32 flags = RW | VFIO_REGION_INFO_FLAG_MMAP;

	if (bar->is_memory)
		flags |= VFIO_REGION_INFO_FLAG_CAPS;
	if ((info->flags & flags) != flags || info->flags & ~KNOWN_FLAGS)
		return wrong(why, "flags", info->flags, flags);
	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS))
		return true;
	if (info->argsz > argsz)
		return !info->cap_offset || wrong(why, "cap_offset", info->cap_offset, 0);
	return check_caps(model, bar, info, data, argsz, why);
}

static long long expected_ret(const struct op *op)
{
	if (op->len < INFO_LEN || op->which >= VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;
	return 0;
}

bool model_info(struct model *model, const struct op *op, const struct outcome *out,
		char *why)
{
	const struct bar *bar = model_bar(model, op->which);
	bool is_config = op->which == VFIO_PCI_CONFIG_REGION_INDEX;
	struct vfio_region_info info;
	__u64 size;

	if (!model_expect(out->ret, expected_ret(op), why))
		return false;
	if (out->ret)
		return true;

	memcpy(&info, out->data, sizeof(info));
	size = is_config ? CONFIG_LEN : bar ? bar->size : 0;
	if (info.index != op->which)
		return wrong(why, "index", info.index, op->which);
	if (info.size != size)
		return wrong(why, "size", info.size, size);
	if (bar)
		return check_bar(model, bar, &info, out->data, op->len, why);
	if (info.flags != (is_config ? RW : 0))
		return wrong(why, "flags", info.flags, is_config ? RW : 0);
	return true;
}
