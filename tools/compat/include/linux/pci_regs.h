/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers of PCI capabilities that older kernels do not name. */
#include_next <linux/pci_regs.h>

#ifndef NVGPU_COMPAT_PCI_REGS_H
#define NVGPU_COMPAT_PCI_REGS_H

#ifdef NVGPU_LACKS_CXL_DEVICE_DVSEC
/* CXL 4.0, 8.1.3: PCIe DVSEC for CXL devices */
#define PCI_DVSEC_CXL_DEVICE			0
#define PCI_DVSEC_CXL_RANGE_SIZE_LOW(i)		(0x1c + (i) * 0x10)
#define PCI_DVSEC_CXL_MEM_INFO_VALID		BIT(0)
#define PCI_DVSEC_CXL_MEM_ACTIVE		BIT(1)
#define PCI_DVSEC_CXL_MEM_ACTIVE_TIMEOUT	GENMASK(15, 13)
#endif

#endif
