// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI host bridge: a domain of its own, one window from the pool, and
 * config accessors.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/sizes.h>

#include "sim.h"

#define FIRST_DOMAIN	9
#define LAST_DOMAIN	U16_MAX
#define WINDOW_ALIGN	SZ_1M	/* granularity of a bridge window */

static struct sim_host *bus_host(const struct pci_bus *bus)
{
	return container_of((struct sim_sysdata *)bus->sysdata, struct sim_host, sysdata);
}

struct sim_gpu *sim_bus_gpu(const struct pci_bus *bus)
{
	return bus_host(bus)->gpu;
}

/* Below the port only slot 0 is populated. */
static struct sim_function *find_function(struct pci_bus *bus, unsigned int devfn, int where)
{
	struct sim_host *host = bus_host(bus);
	struct sim_gpu *gpu = host->gpu;

	lockdep_assert_held(&gpu->lock);
	if (gpu->host != host || where >= PCI_CFG_SPACE_EXP_SIZE)
		return NULL;
	if (pci_is_root_bus(bus))
		return devfn ? NULL : gpu->port;
	if (bus->number != sim_config_get(gpu->port, PCI_SECONDARY_BUS, 1) ||
	    devfn >= gpu->identity.functions || !sim_power_answers_locked(gpu))
		return NULL;
	return gpu->fn[devfn];
}

static int bridge_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	struct sim_gpu *gpu = sim_bus_gpu(bus);
	struct sim_function *fn;
	unsigned long flags;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	fn = find_function(bus, devfn, where);
	if (fn)
		*val = sim_config_get(fn, where, size);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
	return fn ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

static int bridge_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct sim_gpu *gpu = sim_bus_gpu(bus);
	struct sim_function *fn;
	unsigned long flags;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	fn = find_function(bus, devfn, where);
	if (fn) {
		sim_log_write_locked(fn, where, size, val);
		sim_config_write(fn, where, size, val);
	}
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
	return fn ? PCIBIOS_SUCCESSFUL : PCIBIOS_DEVICE_NOT_FOUND;
}

static struct pci_ops bridge_ops = {
	.read = bridge_read,
	.write = bridge_write,
};

bool sim_owns_bus(const struct pci_bus *bus)
{
	return bus->ops == &bridge_ops;
}

/* A held bus keeps calling these accessors: pin the module. */
static void bridge_release(struct pci_host_bridge *bridge)
{
	struct sim_host *host = pci_host_bridge_priv(bridge);

	config_item_put(&host->gpu->item);
	module_put(THIS_MODULE);
}

/* BARs in order of falling size are all naturally aligned. */
static u64 place_bars(struct sim_gpu *gpu, u64 start)
{
	unsigned int fn, bar;
	int bit;

	for (bit = 63; bit >= 0; bit--) {
		for (fn = 0; fn < gpu->identity.functions; fn++) {
			for (bar = 0; bar < SIM_BARS; bar++) {
				if (sim_endpoint_bar_size(gpu, fn, bar) != BIT_ULL(bit))
					continue;
				gpu->bar_addr[fn][bar] = start;
				start += BIT_ULL(bit);
			}
		}
	}
	return start;
}

static int alloc_window(struct sim_gpu *gpu, struct sim_host *host)
{
	u64 align = WINDOW_ALIGN;
	unsigned int bar;
	u64 size;

	memset(gpu->bar_addr, 0, sizeof(gpu->bar_addr));
	for (bar = 0; bar < SIM_BARS; bar++)
		align = max(align, gpu->identity.bar_size[bar]);
	size = round_up(place_bars(gpu, 0), WINDOW_ALIGN);
	host->window.flags = IORESOURCE_MEM | IORESOURCE_PREFETCH | IORESOURCE_MEM_64;
	if (sim_pool_alloc(&host->window, "nvgpu-sim PCI window", size, align)) {
		pr_err("%s: no %llu bytes at a multiple of %llu free in the pool for the BARs; reduce bar sizes or memory_size, or enlarge pool=\n",
		       config_item_name(&gpu->item), size, align);
		return -ENOSPC;
	}
	place_bars(gpu, host->window.start);
	return 0;
}

static void init_sysdata(struct sim_host *host, int domain)
{
#ifdef CONFIG_X86
	host->sysdata.arch.domain = domain;
	host->sysdata.arch.node = NUMA_NO_NODE;
#endif
}

/**
 * sim_bridge_alloc - make the host bridge and place the BARs in its window
 * @gpu: the GPU, its identity checked
 *
 * Return: 0 or a negative errno.
 */
int sim_bridge_alloc(struct sim_gpu *gpu)
{
	struct pci_host_bridge *bridge;
	struct sim_host *host;
	int ret;

	bridge = pci_alloc_host_bridge(sizeof(*host));
	if (!bridge)
		return -ENOMEM;
	host = pci_host_bridge_priv(bridge);
	ret = alloc_window(gpu, host);
	if (ret) {
		pci_free_host_bridge(bridge);
		return ret;
	}
	host->gpu = gpu;
	host->busn.name = "nvgpu-sim buses";
	host->busn.end = 1;
	host->busn.flags = IORESOURCE_BUS;
	pci_add_resource(&bridge->windows, &host->busn);
	pci_add_resource(&bridge->windows, &host->window);
	bridge->ops = &bridge_ops;
	bridge->sysdata = &host->sysdata;
	/* The root port has no interrupt other than AER's. */
	bridge->native_aer = gpu->identity.aer;
	bridge->native_pcie_hotplug = 0;
	bridge->native_shpc_hotplug = 0;
	bridge->native_pme = 0;
	bridge->native_dpc = 0;

	config_item_get(&gpu->item);
	__module_get(THIS_MODULE);
	pci_set_host_bridge_release(bridge, bridge_release, NULL);
	gpu->bridge = bridge;
	return 0;
}

void sim_bridge_free(struct sim_gpu *gpu)
{
	struct sim_host *host = pci_host_bridge_priv(gpu->bridge);

	sim_pool_free(&host->window);
	pci_free_host_bridge(gpu->bridge);
	gpu->bridge = NULL;
}

/*
 * From here on the PCI core releases the domain number when it frees the bridge.
 * pci_lock_rescan_remove() prevents another bus from taking the number before
 * this one is registered.
 */
static int take_domain(struct sim_gpu *gpu)
{
	int wanted = gpu->identity.domain;
	int domain;

	if (wanted == SIM_DOMAIN_AUTO) {
		domain = pci_bus_find_emul_domain_nr(0, FIRST_DOMAIN, LAST_DOMAIN);
	} else {
		domain = pci_bus_find_emul_domain_nr(0, wanted, wanted);
		if (domain < 0)
			pr_err("%s: domain=%d is in use; choose another or auto\n",
			       config_item_name(&gpu->item), wanted);
	}
	if (domain < 0)
		return -EBUSY;
	gpu->bridge->domain_nr = domain;
	init_sysdata(pci_host_bridge_priv(gpu->bridge), domain);
	return 0;
}

static struct pci_bus *gpu_bus(struct pci_bus *root)
{
	return list_first_entry_or_null(&root->children, struct pci_bus, node);
}

static void set_dev_name(struct sim_gpu *gpu, const char *name)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&gpu->lock, flags);
	strscpy(gpu->dev_name, name);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
}

/*
 * A GPU without reset methods: the PCI core would still try a bus reset or, if the
 * function loses its state in D3hot, a PM reset.
 */
static void forbid_resets(struct sim_gpu *gpu, struct pci_bus *bus)
{
	unsigned int methods = gpu->identity.reset_methods;
	struct pci_dev *pdev;

	list_for_each_entry(pdev, &bus->devices, bus_list) {
		if (!methods)
			pdev->dev_flags |= PCI_DEV_FLAGS_NO_BUS_RESET;
		if (!(methods & SIM_RESET_PM))
			pdev->dev_flags |= PCI_DEV_FLAGS_NO_PM_RESET;
	}
}

static int name_and_describe(struct sim_gpu *gpu, struct pci_bus *root)
{
	struct pci_dev *pdev = NULL;
	int ret;

	if (gpu_bus(root))
		pdev = pci_get_slot(gpu_bus(root), 0);
	if (!pdev) {
		pr_err("%s: GPU not found by the PCI core\n", config_item_name(&gpu->item));
		return -ENODEV;
	}
	set_dev_name(gpu, pci_name(pdev));
	forbid_resets(gpu, pdev->bus);
	ret = sim_mem_describe(gpu, pdev);
	pci_dev_put(pdev);
	return ret;
}

static void remove_bus(struct sim_gpu *gpu)
{
	struct pci_bus *root = gpu->bridge->bus;

	pci_stop_root_bus(root);
	pci_remove_root_bus(root);
	set_dev_name(gpu, "");
}

/**
 * sim_bridge_plug - have the PCI core find the GPU
 * @gpu: the GPU, powered on, BARs and window programmed
 *
 * The PCI core keeps the addresses that "firmware" programmed: BAR0 registers are
 * already mapped, and config accessors cannot remap them.
 *
 * Return: 0 or a negative errno.
 */
int sim_bridge_plug(struct sim_gpu *gpu)
{
	struct pci_bus *root;
	int ret;

	pci_lock_rescan_remove();
	ret = take_domain(gpu);
	if (ret)
		goto out_unlock;
	ret = pci_scan_root_bus_bridge(gpu->bridge);
	if (ret)
		goto out_unlock;
	root = gpu->bridge->bus;
	pci_bus_claim_resources(root);
	ret = name_and_describe(gpu, root);
	if (ret)
		remove_bus(gpu);
	else
		pci_bus_add_devices(root);
out_unlock:
	pci_unlock_rescan_remove();
	return ret;
}

static void remove_functions(struct pci_bus *bus)
{
	struct pci_dev *pdev, *next;

	list_for_each_entry(pdev, &bus->devices, bus_list)
		WRITE_ONCE(pdev->error_state, pci_channel_io_perm_failure);
	list_for_each_entry_safe_reverse(pdev, next, &bus->devices, bus_list)
		pci_stop_and_remove_bus_device(pdev);
}

/**
 * sim_bridge_surprise_remove - tell the PCI core of a surprise removal
 * @gpu: the GPU; no longer responds
 *
 * Marks the device disconnected before removing it, as a hotplug driver does.
 * Waits for its users.
 */
void sim_bridge_surprise_remove(struct sim_gpu *gpu)
{
	struct pci_bus *bus;

	pci_lock_rescan_remove();
	/* The root port may have been removed through sysfs. */
	bus = gpu_bus(gpu->bridge->bus);
	if (bus)
		remove_functions(bus);
	pci_unlock_rescan_remove();
	set_dev_name(gpu, "");
}

/**
 * sim_bridge_unplug - remove the GPU from the PCI core
 * @gpu: the GPU
 *
 * Waits for its users, like any removal of a PCI device.
 */
void sim_bridge_unplug(struct sim_gpu *gpu)
{
	pci_lock_rescan_remove();
	remove_bus(gpu);
	pci_unlock_rescan_remove();
}
