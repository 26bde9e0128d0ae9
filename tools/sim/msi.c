// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message signalled interrupts of function 0. The GPU "sends" the message that the
 * host programmed into its MSI capability or MSI-X table; an interrupt domain per
 * GPU turns it into an interrupt. Messages never reach another GPU's domain, hence
 * they are isolated.
 */
#include <linux/bitmap.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>
#include <linux/log2.h>
#include <linux/msi.h>
#include <linux/sizes.h>

#include "sim.h"

#define MESSAGE_ADDRESS		0x1000	/* arbitrary, nothing decodes it */
#define MSIX_VECTORS		9
#define MSIX_MIN_BAR0		SZ_16K
#define MSIX_TABLE_FROM_END	SZ_8K
#define MSIX_PBA_FROM_END	SZ_4K

#define MSI_FLAGS_REQUIRED	(MSI_FLAG_USE_DEF_DOM_OPS | MSI_FLAG_NO_AFFINITY)
#define MSI_FLAGS_SUPPORTED	(MSI_GENERIC_FLAGS_MASK | MSI_FLAG_MULTI_PCI_MSI | \
				 MSI_FLAG_PCI_MSIX | MSI_FLAG_PCI_MSIX_ALLOC_DYN)

static void compose_message(struct irq_data *data, struct msi_msg *msg)
{
	msg->address_hi = 0;
	msg->address_lo = MESSAGE_ADDRESS;
	msg->data = data->hwirq;
}

static struct irq_chip msi_chip = {
	.name = "nvgpu-sim",
	.irq_compose_msi_msg = compose_message,
};

/* Numbers are aligned to their count: a multi-message function changes low bits. */
static int domain_alloc(struct irq_domain *domain, unsigned int virq, unsigned int count,
			void *arg)
{
	struct sim_gpu *gpu = domain->host_data;
	unsigned int i;
	int first;

	mutex_lock(&gpu->msi_lock);
	first = bitmap_find_free_region(gpu->msi_used, SIM_MESSAGES, order_base_2(count));
	mutex_unlock(&gpu->msi_lock);
	if (first < 0)
		return -ENOSPC;
	for (i = 0; i < count; i++)
		irq_domain_set_info(domain, virq + i, first + i, &msi_chip, NULL,
				    handle_simple_irq, NULL, NULL);
	return 0;
}

static void domain_free(struct irq_domain *domain, unsigned int virq, unsigned int count)
{
	struct irq_data *data = irq_domain_get_irq_data(domain, virq);
	struct sim_gpu *gpu = domain->host_data;

	mutex_lock(&gpu->msi_lock);
	bitmap_release_region(gpu->msi_used, data->hwirq, order_base_2(count));
	mutex_unlock(&gpu->msi_lock);
	irq_domain_free_irqs_common(domain, virq, count);
}

static const struct irq_domain_ops domain_ops = {
	.alloc = domain_alloc,
	.free = domain_free,
};

static bool init_dev_msi_info(struct device *dev, struct irq_domain *domain,
			      struct irq_domain *parent, struct msi_domain_info *info)
{
	info->flags &= MSI_FLAGS_SUPPORTED;
	info->flags |= MSI_FLAGS_REQUIRED;
	return true;
}

static const struct msi_parent_ops parent_ops = {
	.supported_flags = MSI_FLAGS_SUPPORTED,
	.required_flags = MSI_FLAGS_REQUIRED,
	.prefix = "nvgpu-sim-",
	.init_dev_msi_info = init_dev_msi_info,
};

static u64 msix_table(const struct sim_gpu *gpu)
{
	return gpu->identity.bar_size[0] - MSIX_TABLE_FROM_END;
}

bool sim_msi_has_msix(const struct sim_gpu *gpu)
{
	return gpu->identity.bar_size[0] >= MSIX_MIN_BAR0;
}

/**
 * sim_msi_define - build the MSI capability
 * @fn: function 0, or the root port
 * @where: its offset
 *
 * Return: true.
 */
bool sim_msi_define(struct sim_function *fn, unsigned int where)
{
	sim_config_define(fn, where + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT |
			  PCI_MSI_FLAGS_MASKBIT | ilog2(SIM_VECTORS) << 1,
			  PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, 0);
	sim_config_define(fn, where + PCI_MSI_ADDRESS_LO, 4, 0, ~3, 0);
	sim_config_define(fn, where + PCI_MSI_ADDRESS_HI, 4, 0, U32_MAX, 0);
	sim_config_define(fn, where + PCI_MSI_DATA_64, 2, 0, U16_MAX, 0);
	sim_config_define(fn, where + PCI_MSI_MASK_64, 4, 0, BIT(SIM_VECTORS) - 1, 0);
	return true;
}

/**
 * sim_msi_define_msix - build the MSI-X capability
 * @fn: function 0
 * @where: its offset
 *
 * Return: false if BAR0 has no room for the table.
 */
bool sim_msi_define_msix(struct sim_function *fn, unsigned int where)
{
	u64 table = msix_table(fn->gpu);

	if (!sim_msi_has_msix(fn->gpu))
		return false;
	sim_config_define(fn, where + PCI_MSIX_FLAGS, 2, MSIX_VECTORS - 1,
			  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 0);
	sim_config_define(fn, where + PCI_MSIX_TABLE, 4, table, 0, 0);
	sim_config_define(fn, where + PCI_MSIX_PBA, 4,
			  table + MSIX_TABLE_FROM_END - MSIX_PBA_FROM_END, 0, 0);
	return true;
}

static void __iomem *msix_entry(struct sim_gpu *gpu, unsigned int vector)
{
	return gpu->bar0 + msix_table(gpu) + vector * PCI_MSIX_ENTRY_SIZE;
}

/**
 * sim_msi_reset_locked - mask all vectors of the MSI-X table, as a reset does
 * @gpu: the GPU
 */
void sim_msi_reset_locked(struct sim_gpu *gpu)
{
	unsigned int i;

	lockdep_assert_held(&gpu->lock);
	if (!sim_msi_has_msix(gpu))
		return;
	for (i = 0; i < MSIX_VECTORS; i++)
		writel(PCI_MSIX_ENTRY_CTRL_MASKBIT,
		       msix_entry(gpu, i) + PCI_MSIX_ENTRY_VECTOR_CTRL);
}

static int msix_message(struct sim_gpu *gpu, unsigned int vector, u16 flags)
{
	void __iomem *entry = msix_entry(gpu, vector);

	if (vector >= MSIX_VECTORS)
		return -EINVAL;
	if (flags & PCI_MSIX_FLAGS_MASKALL ||
	    readl(entry + PCI_MSIX_ENTRY_VECTOR_CTRL) & PCI_MSIX_ENTRY_CTRL_MASKBIT)
		return -EAGAIN;
	return readl(entry + PCI_MSIX_ENTRY_DATA) % SIM_MESSAGES;
}

static int msi_message(struct sim_function *fn, unsigned int vector)
{
	u16 flags = sim_config_get(fn, SIM_CAP_MSI + PCI_MSI_FLAGS, 2);
	unsigned int enabled = BIT((flags & PCI_MSI_FLAGS_QSIZE) >> 4);

	if (!(flags & PCI_MSI_FLAGS_ENABLE))
		return -EIO;
	if (vector >= enabled)
		return -EINVAL;
	if (sim_config_get(fn, SIM_CAP_MSI + PCI_MSI_MASK_64, 4) & BIT(vector))
		return -EAGAIN;
	return (sim_config_get(fn, SIM_CAP_MSI + PCI_MSI_DATA_64, 2) | vector) % SIM_MESSAGES;
}

/* The message that the function would send for this vector, or an errno. */
static int message_of(struct sim_gpu *gpu, unsigned int vector)
{
	struct sim_function *fn = gpu->fn[0];
	u16 flags;

	if (!sim_power_answers_locked(gpu) ||
	    !(sim_config_get(fn, PCI_COMMAND, 2) & PCI_COMMAND_MASTER))
		return -EIO;
	flags = sim_config_get(fn, SIM_CAP_MSIX + PCI_MSIX_FLAGS, 2);
	if (sim_msi_has_msix(gpu) && flags & PCI_MSIX_FLAGS_ENABLE)
		return msix_message(gpu, vector, flags);
	return msi_message(fn, vector);
}

/**
 * sim_msi_port_message_locked - get the message of the root port's interrupt
 * @gpu: the GPU below
 *
 * Return: the message; -EIO if MSI or bus mastering is off, -EAGAIN if masked.
 */
int sim_msi_port_message_locked(struct sim_gpu *gpu)
{
	lockdep_assert_held(&gpu->lock);
	if (!(sim_config_get(gpu->port, PCI_COMMAND, 2) & PCI_COMMAND_MASTER))
		return -EIO;
	return msi_message(gpu->port, 0);
}

/**
 * sim_msi_fire - send an interrupt
 * @gpu: the GPU
 * @vector: which one
 *
 * Return: 0; -ENODEV if the GPU is not plugged in, -EINVAL if the vector does not
 * exist or is not enabled, -EAGAIN if it is masked (no pending bit is set), -EIO
 * if MSI and MSI-X or bus mastering are off.
 */
int sim_msi_fire(struct sim_gpu *gpu, unsigned int vector)
{
	unsigned long flags;
	int message;

	if (vector >= SIM_VECTORS)
		return -EINVAL;
	guard(mutex)(&gpu->mutex);
	if (gpu->state != SIM_ON)
		return -ENODEV;
	raw_spin_lock_irqsave(&gpu->lock, flags);
	message = message_of(gpu, vector);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
	if (message < 0)
		return message;
	return generic_handle_domain_irq_safe(gpu->msi_domain, message);
}

/**
 * sim_msi_create - create the interrupt domain of the bridge
 * @gpu: the GPU; its bridge is not registered yet
 *
 * Return: 0 or -ENOMEM.
 */
int sim_msi_create(struct sim_gpu *gpu)
{
	struct sim_host *host = pci_host_bridge_priv(gpu->bridge);
	struct fwnode_handle *fwnode;

	bitmap_zero(gpu->msi_used, SIM_MESSAGES);
	fwnode = irq_domain_alloc_fwnode(&host->window.start);
	if (!fwnode)
		return -ENOMEM;
	gpu->msi_domain = irq_domain_create_linear(fwnode, SIM_MESSAGES, &domain_ops, gpu);
	if (!gpu->msi_domain) {
		irq_domain_free_fwnode(fwnode);
		return -ENOMEM;
	}
	gpu->msi_domain->flags |= IRQ_DOMAIN_FLAG_MSI_PARENT | IRQ_DOMAIN_FLAG_ISOLATED_MSI;
	gpu->msi_domain->msi_parent_ops = &parent_ops;
	dev_set_msi_domain(&gpu->bridge->dev, gpu->msi_domain);
	return 0;
}

/**
 * sim_msi_destroy - undo sim_msi_create()
 * @gpu: the GPU; the PCI core has removed all devices below the bridge
 */
void sim_msi_destroy(struct sim_gpu *gpu)
{
	struct fwnode_handle *fwnode = gpu->msi_domain->fwnode;

	dev_set_msi_domain(&gpu->bridge->dev, NULL);
	irq_domain_remove(gpu->msi_domain);
	irq_domain_free_fwnode(fwnode);
	gpu->msi_domain = NULL;
}
