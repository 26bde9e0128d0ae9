/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NVGPU_SIM_COMPAT_PCI_H
#define NVGPU_SIM_COMPAT_PCI_H

#include_next <linux/pci.h>

#ifndef SIM_HAVE_EMUL_DOMAIN
/*
 * Older kernels have no register of emulated domains and free none either: a
 * domain is in use if it has a bus 00. Holds until the caller's bus is
 * registered only under pci_lock_rescan_remove().
 */
static inline int pci_bus_find_emul_domain_nr(u32 hint, u32 min, u32 max)
{
	u32 domain;

	for (domain = max(hint, min); domain <= max; domain++)
		if (!pci_find_bus(domain, 0))
			return domain;
	return -ENOSPC;
}
#endif

#endif
