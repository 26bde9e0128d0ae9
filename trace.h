/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-triggerable events, hence traced and not logged.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nvgpu_vfio_pci

#if !defined(NVGPU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NVGPU_TRACE_H

#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/tracepoint.h>

#define NVGPU_FAULT_NAME(_result, _name)				\
	{ (__force unsigned long)(_result), _name }

TRACE_EVENT(nvgpu_fault,
	    TP_PROTO(struct pci_dev *pdev, unsigned long pfn,
		     unsigned int order, vm_fault_t result),
	    TP_ARGS(pdev, pfn, order, result),
	    TP_STRUCT__entry(__string(dev, pci_name(pdev))
			     __field(unsigned long, pfn)
			     __field(unsigned int, order)
			     __field(unsigned long, result)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->pfn = pfn;
			   __entry->order = order;
			   __entry->result = (__force unsigned long)result;),
	    TP_printk("%s pfn=0x%lx order=%u result=%s", __get_str(dev),
		      __entry->pfn, __entry->order,
		      __print_flags(__entry->result, "|",
				    NVGPU_FAULT_NAME(VM_FAULT_SIGBUS, "SIGBUS"),
				    NVGPU_FAULT_NAME(VM_FAULT_HWPOISON, "HWPOISON"),
				    NVGPU_FAULT_NAME(VM_FAULT_NOPAGE, "NOPAGE"),
				    NVGPU_FAULT_NAME(VM_FAULT_FALLBACK, "FALLBACK"),
				    NVGPU_FAULT_NAME(VM_FAULT_OOM, "OOM")))
);

TRACE_EVENT(nvgpu_ready_wait,
	    TP_PROTO(struct pci_dev *pdev, s64 waited_ms, int result),
	    TP_ARGS(pdev, waited_ms, result),
	    TP_STRUCT__entry(__string(dev, pci_name(pdev))
			     __field(s64, waited_ms)
			     __field(int, result)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->waited_ms = waited_ms;
			   __entry->result = result;),
	    TP_printk("%s waited_ms=%lld result=%d", __get_str(dev),
		      __entry->waited_ms, __entry->result)
);

TRACE_EVENT(nvgpu_reset,
	    TP_PROTO(struct pci_dev *pdev, unsigned int resets),
	    TP_ARGS(pdev, resets),
	    TP_STRUCT__entry(__string(dev, pci_name(pdev))
			     __field(unsigned int, resets)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->resets = resets;),
	    TP_printk("%s resets=%u", __get_str(dev), __entry->resets)
);

TRACE_EVENT(nvgpu_bar_write,
	    TP_PROTO(struct pci_dev *pdev, u64 offset, size_t size, u64 value),
	    TP_ARGS(pdev, offset, size, value),
	    TP_STRUCT__entry(__string(dev, pci_name(pdev))
			     __field(u64, offset)
			     __field(size_t, size)
			     __field(u64, value)),
	    TP_fast_assign(__assign_str(dev);
			   __entry->offset = offset;
			   __entry->size = size;
			   __entry->value = value;),
	    TP_printk("%s offset=0x%llx size=%zu value=0x%llx", __get_str(dev),
		      __entry->offset, __entry->size, __entry->value)
);

#endif /* NVGPU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
