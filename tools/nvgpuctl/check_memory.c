// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the GPU memory: firmware properties, users, readiness, hwpoison.
 */
#include <errno.h>

#include "doctor.h"

/* Facts of Grace Hopper and Grace Blackwell, from the nvgrace-gpu driver. */
#define BAR0_C2C		0x1498
#define BAR0_HBM		0x200bc
#define STATUS_READY		0xff
#define CXL_MEM_INFO_VALID	0x1
#define CXL_MEM_ACTIVE		0x2

/* Missing values are a finding if the driver is bound or there are ACPI tables. */
static enum verdict without_properties(const struct gpu *gpu)
{
	if (!strcmp(gpu->driver, DRIVER_NAME))
		return FAIL;
	return !gpu->is_hidden && root_exists("/sys/firmware/acpi/tables/DSDT") ? FAIL : SKIP;
}

static void check_properties(const struct patient *patient,
			     const struct gpu *gpu)
{
	static const char heuristic[] = " (heuristic: found by searching the ACPI tables)";
	const char *source = gpu->source == MEM_ACPI ? heuristic : "";
	char size[32];

	if (gpu->source == MEM_UNKNOWN)
		finding(without_properties(gpu),
			"update the firmware; until then the driver works like vfio-pci",
			"no property nvidia,gpu-mem-size found%s",
			gpu->is_hidden ? "; only root can read the ACPI tables" : "");
	else if (gpu->is_computed)
		finding(SKIP, NULL,
			"ACPI has properties, computed by firmware or of another GPU%s", source);
	else if (gpu->has_base != gpu->has_size)
		finding(FAIL, "update the firmware: the driver needs both",
			"nvidia,gpu-mem-%s is missing although nvidia,gpu-mem-%s exists%s",
			gpu->has_base ? "size" : "base-pa", gpu->has_base ? "base-pa" : "size",
			source);
	else if (!gpu->mem_size)
		finding(FAIL, "power-cycle the machine (a reboot is not enough), see the BMC's log",
			"firmware reports size 0: the C2C link is down%s", source);
	else
		finding(PASS, NULL, "%s at 0x%llx%s",
			format_size(size, sizeof(size), gpu->mem_size), gpu->mem_base, source);
}

static bool has_range(const struct gpu *gpu)
{
	return gpu->has_base && gpu->has_size && gpu->mem_size &&
	       gpu->mem_base <= UINT64_MAX - gpu->mem_size;
}

/* What the NVIDIA driver has added is the memory of the only GPU, wherever that is. */
static const struct iomem_range *overlap(const struct patient *patient, const struct gpu *gpu)
{
	const struct iomem_range *range = patient->iomem.range;
	unsigned int i;

	for (i = 0; patient->has_iomem && i < patient->iomem.nr; i++, range++) {
		if (!iomem_is_ram(range->name))
			continue;
		if (has_range(gpu) && range->start < gpu->mem_base + gpu->mem_size &&
		    range->last >= gpu->mem_base)
			return range;
		if (!has_range(gpu) && patient->gpus->nr == 1 && strstr(range->name, "NVIDIA"))
			return range;
	}
	return NULL;
}

/* "System RAM (NVIDIA)" was added by that driver, plain "System RAM" by firmware. */
static void check_online(const struct patient *patient, const struct gpu *gpu)
{
	const struct iomem_range *ram = overlap(patient, gpu);

	if (!patient->has_iomem)
		finding(SKIP, NULL, "/proc/iomem shows addresses to root only");
	else if (!ram && !has_range(gpu))
		finding(SKIP, NULL, "the address of its memory is unknown");
	else if (!ram)
		finding(PASS, NULL, "the host does not use its memory as System RAM");
	else if (strstr(ram->name, "NVIDIA"))
		finding(FAIL,
			"stop nvidia-persistenced, dcgm, fabricmanager, mig-manager and imex, then rmmod nvidia_drm nvidia_modeset nvidia_uvm nvidia",
			"the NVIDIA driver has onlined 0x%llx-0x%llx as \"%s\"", ram->start,
			ram->last, ram->name);
	else if (strstr(ram->name, "kmem"))
		finding(FAIL,
			"daxctl offline-memory all && daxctl reconfigure-device -m devdax all",
			"dax/kmem has onlined 0x%llx-0x%llx as \"%s\"", ram->start,
			ram->last, ram->name);
	else
		finding(FAIL, "the firmware's memory map is wrong: update it",
			"0x%llx-0x%llx is \"%s\" of the host since boot", ram->start,
			ram->last, ram->name);
}

/* PMD size: a page table of one page has 8-byte entries. */
static __u64 huge_page(void)
{
	__u64 page = page_size();

	return page * (page / 8);
}

static void check_alignment(const struct patient *patient,
			    const struct gpu *gpu)
{
	__u64 huge = huge_page();
	char size[32];

	format_size(size, sizeof(size), huge);
	if (gpu->mem_base % page_size() || gpu->mem_size % page_size())
		finding(FAIL, "update the firmware: the driver rejects these values",
			"base 0x%llx or size 0x%llx is not a multiple of the page size",
			gpu->mem_base, gpu->mem_size);
	else if (gpu->mem_base % huge)
		finding(WARN, "it works, but with small mappings",
			"base 0x%llx is not a multiple of the PMD size (%s)", gpu->mem_base, size);
	else if (gpu->usemem.size % huge)
		finding(WARN, "it works, but with small mappings at the end of usemem",
			"usemem is not a multiple of the PMD size (%s)", size);
	else if (!has_range(gpu) || !gpu->usemem.size)
		finding(SKIP, NULL, "address or size of its memory are unknown");
	else
		finding(PASS, NULL, "base and usemem are multiples of the PMD size (%s)", size);
}

static void check_cxl(const struct gpu *gpu)
{
	if (gpu->cxl_status == UINT32_MAX || !(gpu->cxl_status & CXL_MEM_INFO_VALID))
		finding(FAIL,
			"reset the GPU (echo 1 > /sys/bus/pci/devices/.../reset) or power-cycle",
			"CXL range 1 is not valid (status 0x%x)", gpu->cxl_status);
	else if (!(gpu->cxl_status & CXL_MEM_ACTIVE))
		finding(FAIL, "wait up to 256 s after a reset; then power-cycle",
			"the memory behind CXL range 1 is not active (status 0x%x)",
			gpu->cxl_status);
	else
		finding(PASS, NULL, "CXL range 1 is valid and active");
}

/* Do not read registers that a driver uses, nor without memory decode, which may abort. */
static void check_registers(const struct gpu *gpu)
{
	__u32 c2c = 0, hbm = 0;
	int ret = -EBUSY;

	if (!gpu->driver[0] && gpu->decodes)
		ret = root_peek32(&c2c, BAR0_C2C, "/sys/bus/pci/devices/%s/resource0", gpu->bdf);
	if (!ret)
		ret = root_peek32(&hbm, BAR0_HBM, "/sys/bus/pci/devices/%s/resource0", gpu->bdf);
	if (ret == -EBUSY)
		finding(SKIP, NULL, "registers are not read while %s",
			gpu->decodes ? "a driver is bound" : "memory decode is off");
	else if (ret)
		finding(SKIP, NULL,
			"BAR0 cannot be read (%s: not root, or locked down)",
			errno_name(ret));
	else if (c2c == UINT32_MAX && hbm == UINT32_MAX)
		finding(SKIP, NULL, "BAR0 reads as all ones: not in D0");
	else if (c2c != STATUS_READY)
		finding(FAIL, "power-cycle the machine, see the BMC's log for NVLink-C2C",
			"the C2C link is not up (register 0x%x is 0x%x, not 0xff)", BAR0_C2C, c2c);
	else if (hbm != STATUS_READY)
		finding(FAIL, "wait half a minute after a reset; then power-cycle",
			"the HBM is not trained (register 0x%x is 0x%x, not 0xff)", BAR0_HBM,
			hbm);
	else
		finding(PASS, NULL, "C2C is up, HBM is trained");
}

static void check_ready(const struct patient *patient,
			const struct gpu *gpu)
{
	if (!gpu->answers)
		finding(FAIL,
			"echo 1 > /sys/bus/pci/devices/.../remove, echo 1 > /sys/bus/pci/rescan; or power-cycle",
			"the GPU does not respond: its config space reads as all ones");
	else if (!strcmp(gpu->ready, "failed"))
		finding(FAIL,
			"reset the GPU (echo 1 > /sys/bus/pci/devices/.../reset) or power-cycle",
			"the driver's wait for the memory timed out");
	else if (gpu->ready[0])
		finding(PASS, NULL, !strcmp(gpu->ready, "ready") ? "the memory is ready" :
			"the next access reads the state from the hardware");
	else if (!gpu->has_config)
		finding(SKIP, NULL, "only root can read its config space");
	else if (gpu->cxl_dvsec)
		check_cxl(gpu);
	else
		check_registers(gpu);
}

static void check_poison(const struct patient *patient,
			 const struct gpu *gpu)
{
	if (gpu->source != MEM_DRIVER)
		finding(SKIP, NULL, "known only while bound to nvgpu-vfio-pci");
	else if (gpu->poisoned)
		finding(WARN,
			"stop the VM and reset the GPU; if it recurs, ask NVIDIA about row remapping",
			"%llu hwpoisoned page%s", gpu->poisoned, gpu->poisoned == 1 ? "" : "s");
	else
		finding(PASS, NULL, "no hwpoisoned page");
}

const struct check memory_checks[] = {
	{ "memory.firmware", "firmware properties of the memory", NULL, check_properties },
	{ "memory.online", "not System RAM of the host", NULL, check_online },
	{ "memory.alignment", "base and size against the PMD size", NULL, check_alignment },
	{ "memory.ready", "C2C link and HBM, or CXL state", NULL, check_ready },
	{ "memory.poison", "hwpoisoned pages", NULL, check_poison },
	{ }
};
