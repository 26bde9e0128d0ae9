/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers of PCI capabilities that older kernels do not name. */
#include_next <linux/pci_regs.h>

#ifndef NVGPU_COMPAT_PCI_REGS_H
#define NVGPU_COMPAT_PCI_REGS_H

/* CXL 4.0, 8.1.3: PCIe DVSEC for CXL devices. Named over several releases. */
#ifndef PCI_DVSEC_CXL_DEVICE
#define PCI_DVSEC_CXL_DEVICE			0
#endif
#ifndef PCI_DVSEC_CXL_RANGE_SIZE_LOW
#define PCI_DVSEC_CXL_RANGE_SIZE_LOW(i)		(0x1c + (i) * 0x10)
#endif
#ifndef PCI_DVSEC_CXL_MEM_INFO_VALID
#define PCI_DVSEC_CXL_MEM_INFO_VALID		BIT(0)
#endif
#ifndef PCI_DVSEC_CXL_MEM_ACTIVE
#define PCI_DVSEC_CXL_MEM_ACTIVE		BIT(1)
#endif
#ifndef PCI_DVSEC_CXL_MEM_ACTIVE_TIMEOUT
#define PCI_DVSEC_CXL_MEM_ACTIVE_TIMEOUT	GENMASK(15, 13)
#endif

#endif
