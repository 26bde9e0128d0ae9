/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nvgpu-sim: a simulated NVIDIA Grace Hopper or Grace Blackwell GPU.
 *
 * One configfs directory is one GPU in a PCI domain of its own: bus 00 has a root
 * port, the bus below it the GPU. Drivers use the same interfaces as on hardware:
 * config space, BAR0 registers, firmware properties, an IOMMU group.
 *
 * Locks, outermost first:
 *   sim_gpu::mutex       short; never held while PCI devices come or go, since
 *                        removal waits for users that may need an attribute
 *   sim_gpu::iommu_lock  inside the IOMMU core's group mutex
 *   sim_gpu::msi_lock    leaf; inside the interrupt core's locks
 *   sim_gpu::lock        leaf, raw: PCI config accessors run with irqs off
 * The task that sets sim_gpu::state to STARTING or STOPPING owns the data that
 * live=1 builds until it changes the state again.
 */
#ifndef NVGPU_SIM_H
#define NVGPU_SIM_H

#include <linux/bits.h>
#include <linux/configfs.h>
#include <linux/ioport.h>
#include <linux/mutex.h>
#include <linux/pci-ecam.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#define SIM_VENDOR_ID		PCI_VENDOR_ID_NVIDIA
#define SIM_MAX_FUNCTIONS	2
#define SIM_BARS		3	/* BAR0, BAR2, BAR4: each 64 bits wide */
#define SIM_VECTORS		16	/* of MSI */
#define SIM_MESSAGES		64	/* numbers in the interrupt domain */
#define SIM_CFG_DWORDS		(PCI_CFG_SPACE_EXP_SIZE / sizeof(u32))

/* Capabilities that two files use; the port has MSI and PCI Express at these places */
#define SIM_CAP_PM		0x40
#define SIM_CAP_MSI		0x48
#define SIM_CAP_EXP		0x60
#define SIM_CAP_MSIX		0xb0
#define SIM_CAP_AF		0xbc
#define SIM_ECAP_AER		0x1b8
#define SIM_AER_VERSION		2

/* Bits of sim_identity::reset_methods */
#define SIM_RESET_FLR		BIT(0)
#define SIM_RESET_PM		BIT(1)
#define SIM_RESET_AF		BIT(2)

/* Bits of sim_identity::properties */
#define SIM_PROP_BASE		BIT(0)
#define SIM_PROP_SIZE		BIT(1)

#define SIM_DOMAIN_AUTO		(-1)

enum sim_state {
	SIM_OFF,
	SIM_STARTING,
	SIM_ON,
	SIM_STOPPING,
};

enum sim_severity {
	SIM_CORRECTABLE,
	SIM_NONFATAL,
	SIM_FATAL,
};

enum sim_log_event {
	SIM_LOG_WRITE1,
	SIM_LOG_WRITE2,
	SIM_LOG_WRITE4,
	SIM_LOG_FLR,
	SIM_LOG_AF_FLR,
	SIM_LOG_PM_RESET,
	SIM_LOG_BUS_RESET,
};

/* Identity of the GPU: written only while sim_gpu::state is SIM_OFF. */
struct sim_identity {
	u16 device_id;
	u16 subsystem_id;
	u64 memory_base;	/* only if !memory_auto */
	bool memory_auto;
	u64 memory_size;
	unsigned int properties;
	u64 bar_size[SIM_BARS];
	bool mig_fixed;
	bool cxl;
	unsigned int cxl_timeout;
	unsigned int reset_methods;
	bool no_soft_reset;
	bool aer;
	bool more_caps;
	int domain;
	unsigned int functions;
};

/* Fault injection: changes at any time, under sim_gpu::lock. */
struct sim_faults {
	unsigned int c2c_down;
	unsigned int training_ms;
	unsigned int never_ready;
	unsigned int cxl_inactive;
	unsigned int fail_reset;
	unsigned int config_ff_ms;
	unsigned int lose_memory;
};

struct sim_gpu;
struct sim_log;

/**
 * struct sim_function - config space of one PCI function
 * @gpu: the GPU that it belongs to
 * @written: handles side effects of a write, given the dword's offset and the bits
 *	that the write carried; under sim_gpu::lock
 * @index: number of the endpoint function; not used by the root port
 * @in_d3hot: power state; under sim_gpu::lock
 * @val: what reads return; under sim_gpu::lock
 * @init: values after a reset
 * @rw: bits that writes change
 * @w1c: bits that writing 1 clears
 *
 * All members but @val and @in_d3hot are constant once the image is built.
 */
struct sim_function {
	struct sim_gpu *gpu;
	void (*written)(struct sim_function *fn, unsigned int where, u32 bits);
	unsigned int index;
	bool in_d3hot;
	u32 val[SIM_CFG_DWORDS];
	u32 init[SIM_CFG_DWORDS];
	u32 rw[SIM_CFG_DWORDS];
	u32 w1c[SIM_CFG_DWORDS];
};

/* The PCI core's view of a host bridge differs by architecture. */
struct sim_sysdata {
#ifdef CONFIG_X86
	struct pci_sysdata arch;
#else
	/* arm64 with ACPI dereferences this and accepts a NULL parent */
	struct pci_config_window arch;
#endif
};

/**
 * struct sim_host - private part of the pci_host_bridge
 * @sysdata: bus->sysdata of every bus below
 * @gpu: holds a reference, for the GPU's lock in late accessors
 * @busn: bus numbers 00 and 01
 * @window: contains the BARs; a range of the pool
 *
 * Lives as long as the PCI core holds a bus; sim_gpu::host points to it while it
 * is plugged in.
 */
struct sim_host {
	struct sim_sysdata sysdata;
	struct sim_gpu *gpu;
	struct resource busn;
	struct resource window;
};

struct sim_gpu {
	struct config_item item;

	struct mutex mutex;		/* identity, state */
	enum sim_state state;
	struct sim_identity identity;

	/* Owned by the task that changes the state, see above */
	struct pci_host_bridge *bridge;
	struct resource memory;		/* has a parent if taken from the pool */
	u64 memory_base;
	u64 bar_addr[SIM_MAX_FUNCTIONS][SIM_BARS];
	void __iomem *bar0;

	struct irq_domain *msi_domain;

	struct mutex msi_lock;		/* msi_used */
	DECLARE_BITMAP(msi_used, SIM_MESSAGES);

	struct mutex iommu_lock;	/* domain */
	struct iommu_domain *domain;	/* function 0 is attached to it */

	raw_spinlock_t lock;		/* all below */
	struct sim_host *host;		/* NULL: nothing responds */
	struct sim_function *port;
	struct sim_function *fn[SIM_MAX_FUNCTIONS];
	struct sim_faults faults;
	char dev_name[16];
	bool unplugged;			/* surprise removal; until live=0 */
	bool in_bus_reset;
	bool reset_failed;		/* dead until fail_reset is cleared */
	bool memory_lost;		/* scrubbing is pending */
	bool trained;
	u64 answers_at;			/* ktime in ns: config reads ~0 before */
	u64 trained_at;			/* ktime in ns, valid while !trained */
	unsigned int resets;
	struct sim_log *log;		/* the pointer is constant */
	struct timer_list timer;	/* the nearer deadline */
	struct work_struct scrubber;
	struct work_struct unplugger;	/* queued only in SIM_ON */
};

static inline struct sim_gpu *to_sim_gpu(struct config_item *item)
{
	return container_of(item, struct sim_gpu, item);
}

/* main.c */
extern struct workqueue_struct *sim_workqueue;

/* pool.c */
int sim_pool_init(void);
void sim_pool_exit(void);
int sim_pool_alloc(struct resource *res, const char *name, u64 size, u64 align);
int sim_pool_alloc_at(struct resource *res, const char *name, u64 start, u64 size);
void sim_pool_free(struct resource *res);
u64 sim_pool_start(void);

/* config.c */
void sim_config_define(struct sim_function *fn, unsigned int where,
		       unsigned int size, u32 val, u32 rw, u32 w1c);
void sim_config_set(struct sim_function *fn, unsigned int where,
		    unsigned int size, u32 val);
u32 sim_config_get(struct sim_function *fn, unsigned int where, unsigned int size);
void sim_config_write(struct sim_function *fn, unsigned int where,
		      unsigned int size, u32 val);
void sim_config_seal(struct sim_function *fn);
void sim_config_reset(struct sim_function *fn);

/* identity.c */
void sim_identity_init(struct sim_identity *id);
int sim_identity_check(const struct sim_identity *id, const char *name);

/* endpoint.c */
struct sim_function *sim_endpoint_create(struct sim_gpu *gpu, unsigned int index);
u64 sim_endpoint_bar_size(const struct sim_gpu *gpu, unsigned int index, unsigned int bar);
void sim_endpoint_place_bars(struct sim_function *fn);

/* caps.c */
void sim_caps_define(struct sim_function *fn);
void sim_caps_show_active(struct sim_function *fn, bool active);

/* port.c */
struct sim_function *sim_port_create(struct sim_gpu *gpu);
void sim_port_open_window(struct sim_function *port, const struct resource *window);
void sim_port_show_link(struct sim_function *port, bool up);

/* bridge.c */
bool sim_owns_bus(const struct pci_bus *bus);
struct sim_gpu *sim_bus_gpu(const struct pci_bus *bus);
int sim_bridge_alloc(struct sim_gpu *gpu);
void sim_bridge_free(struct sim_gpu *gpu);
int sim_bridge_plug(struct sim_gpu *gpu);
void sim_bridge_unplug(struct sim_gpu *gpu);
void sim_bridge_surprise_remove(struct sim_gpu *gpu);

/* mem.c */
int sim_mem_create(struct sim_gpu *gpu);
void sim_mem_destroy(struct sim_gpu *gpu);
int sim_mem_describe(struct sim_gpu *gpu, struct pci_dev *pdev);
void sim_mem_scrub(struct sim_gpu *gpu);
int sim_mem_poison(struct sim_gpu *gpu, u64 offset);

/* regs.c */
int sim_regs_create(struct sim_gpu *gpu);
void sim_regs_destroy(struct sim_gpu *gpu);
void sim_regs_show_locked(struct sim_gpu *gpu);

/* power.c */
void sim_power_on(struct sim_gpu *gpu, struct sim_host *host);
void sim_power_off(struct sim_gpu *gpu);
void sim_power_surprise_remove(struct sim_gpu *gpu);
void sim_power_reset_locked(struct sim_function *fn, enum sim_log_event why);
void sim_power_bus_reset_locked(struct sim_gpu *gpu, bool asserted);
void sim_power_refresh_locked(struct sim_gpu *gpu);
bool sim_power_answers_locked(struct sim_gpu *gpu);

/* log.c */
struct sim_log *sim_log_create(void);
void sim_log_destroy(struct sim_log *log);
void sim_log_add_locked(struct sim_function *fn, enum sim_log_event event,
			unsigned int where, u32 val);
void sim_log_write_locked(struct sim_function *fn, unsigned int where,
			  unsigned int size, u32 val);
ssize_t sim_log_list(struct sim_gpu *gpu, char *buf, size_t len);

/* gpu.c */
struct sim_gpu *sim_gpu_alloc(void);
void sim_gpu_free(struct sim_gpu *gpu);
int sim_gpu_start(struct sim_gpu *gpu);
int sim_gpu_stop(struct sim_gpu *gpu);
int sim_gpu_surprise_remove(struct sim_gpu *gpu);

/* msi.c */
bool sim_msi_has_msix(const struct sim_gpu *gpu);
bool sim_msi_define(struct sim_function *fn, unsigned int where);
bool sim_msi_define_msix(struct sim_function *fn, unsigned int where);
void sim_msi_reset_locked(struct sim_gpu *gpu);
int sim_msi_port_message_locked(struct sim_gpu *gpu);
int sim_msi_fire(struct sim_gpu *gpu, unsigned int vector);
int sim_msi_create(struct sim_gpu *gpu);
void sim_msi_destroy(struct sim_gpu *gpu);

/* aer.c */
bool sim_aer_define(struct sim_function *fn, unsigned int where);
void sim_aer_define_port(struct sim_function *port);
int sim_aer_report(struct sim_gpu *gpu, enum sim_severity severity);

/* iommu.c */
int sim_iommu_init(void);
void sim_iommu_exit(void);
ssize_t sim_iommu_list(struct sim_gpu *gpu, char *buf, size_t len);

/* knobs_identity.c, knobs_faults.c, knobs_state.c: each ends in NULL */
extern struct configfs_attribute *sim_identity_attrs[];
extern struct configfs_attribute *sim_fault_attrs[];
extern struct configfs_attribute *sim_state_attrs[];
extern struct configfs_bin_attribute *sim_state_bin_attrs[];
int sim_parse_number(const char *page, u64 max, u64 *val);

/* configfs.c */
int sim_configfs_pin(struct sim_gpu *gpu);
void sim_configfs_unpin(struct sim_gpu *gpu);
int sim_configfs_init(void);
void sim_configfs_exit(void);

#endif
