/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Extended GPU memory: the ioctl of /dev/egm<pxm>.
 *
 * Number and layout are those that management software already uses. Nobody has
 * reserved 'E' 100 in Documentation/userspace-api/ioctl: experimental.
 */
#ifndef _UAPI_LINUX_EGM_H
#define _UAPI_LINUX_EGM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define EGM_TYPE			'E'

/**
 * struct egm_retired_pages_info - memory that cannot be mapped
 * @offset: of the first byte, in the device file
 * @size: in bytes
 */
struct egm_retired_pages_info {
	__aligned_u64 offset;
	__aligned_u64 size;
};

/**
 * struct egm_retired_pages_list - argument of EGM_RETIRED_PAGES_LIST
 * @argsz: size of this structure and the room behind it, in bytes
 * @count: out: number of entries
 * @retired_pages: out: the entries, in ascending order
 */
struct egm_retired_pages_list {
	__u32 argsz;
	__u32 count;
	struct egm_retired_pages_info retired_pages[];
};

/**
 * EGM_RETIRED_PAGES_LIST - list the blocks of 64 KiB that cannot be mapped
 *
 * They are what firmware has retired and what has failed since the driver was loaded.
 * If @argsz has no room for all entries, it is set to what they need and @count to 0;
 * the call succeeds in this case too.
 *
 * Return: 0; EFAULT, EINVAL if @argsz is less than the structure, ENODEV if the
 * memory is gone.
 */
#define EGM_RETIRED_PAGES_LIST		_IO(EGM_TYPE, 100)

#endif /* _UAPI_LINUX_EGM_H */
