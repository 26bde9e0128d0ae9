// SPDX-License-Identifier: GPL-2.0-only
/*
 * Advanced Error Reporting: the GPU latches an error and sends a message, the
 * root port latches the requester ID and interrupts the kernel, which recovers
 * as on hardware. PCIe r6.0, 6.2 and 7.8.4.
 */
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/irqdomain.h>

#include "sim.h"

#define PORT_AER	0x100

/* Fatal by default: PCIe r6.0, 7.8.4.4. */
#define FATAL_BY_DEFAULT	(PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN | PCI_ERR_UNC_FCP | \
				 PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP)
#define UNCORRECTABLE		(FATAL_BY_DEFAULT | PCI_ERR_UNC_POISON_TLP | \
				 PCI_ERR_UNC_COMP_TIME | PCI_ERR_UNC_COMP_ABORT | \
				 PCI_ERR_UNC_UNX_COMP | PCI_ERR_UNC_UNSUP)
#define CORRECTABLE		(PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP | PCI_ERR_COR_BAD_DLLP | \
				 PCI_ERR_COR_REP_ROLL | PCI_ERR_COR_REP_TIMER | \
				 PCI_ERR_COR_ADV_NFAT)

/* The error that stands for each severity. */
static const u32 error_bit[] = {
	[SIM_CORRECTABLE] = PCI_ERR_COR_RCVR,
	[SIM_NONFATAL] = PCI_ERR_UNC_COMP_TIME,
	[SIM_FATAL] = PCI_ERR_UNC_DLP,
};

/**
 * sim_aer_define - build the capability of function 0, and what the root port's shares
 * @fn: function 0 or the root port
 * @where: its offset
 *
 * Return: true.
 */
bool sim_aer_define(struct sim_function *fn, unsigned int where)
{
	sim_config_define(fn, where + PCI_ERR_UNCOR_STATUS, 4, 0, 0, UNCORRECTABLE);
	sim_config_define(fn, where + PCI_ERR_UNCOR_MASK, 4, 0, UNCORRECTABLE, 0);
	sim_config_define(fn, where + PCI_ERR_UNCOR_SEVER, 4, FATAL_BY_DEFAULT, UNCORRECTABLE, 0);
	sim_config_define(fn, where + PCI_ERR_COR_STATUS, 4, 0, 0, CORRECTABLE);
	sim_config_define(fn, where + PCI_ERR_COR_MASK, 4, PCI_ERR_COR_ADV_NFAT, CORRECTABLE, 0);
	return true;
}

/**
 * sim_aer_define_port - build the capability of the root port
 * @port: the root port
 */
void sim_aer_define_port(struct sim_function *port)
{
	sim_config_define(port, PORT_AER, 4, PCI_EXT_CAP_ID_ERR | SIM_AER_VERSION << 16, 0, 0);
	sim_aer_define(port, PORT_AER);
	sim_config_define(port, PORT_AER + PCI_ERR_ROOT_COMMAND, 4, 0,
			  PCI_ERR_ROOT_CMD_COR_EN | PCI_ERR_ROOT_CMD_NONFATAL_EN |
			  PCI_ERR_ROOT_CMD_FATAL_EN, 0);
	sim_config_define(port, PORT_AER + PCI_ERR_ROOT_STATUS, 4, 0, 0,
			  PCI_ERR_ROOT_COR_RCV | PCI_ERR_ROOT_MULTI_COR_RCV |
			  PCI_ERR_ROOT_UNCOR_RCV | PCI_ERR_ROOT_MULTI_UNCOR_RCV |
			  PCI_ERR_ROOT_FIRST_FATAL | PCI_ERR_ROOT_NONFATAL_RCV |
			  PCI_ERR_ROOT_FATAL_RCV);
}

static void set_bits(struct sim_function *fn, unsigned int where, unsigned int size, u32 bits)
{
	sim_config_set(fn, where, size, sim_config_get(fn, where, size) | bits);
}

/*
 * Latch the error in the function. The host's masks and severities select the
 * message, if any: returns the device control bit that enables it, which is also
 * the device status bit.
 */
static u16 note_error(struct sim_function *fn, enum sim_severity severity)
{
	u32 bit = error_bit[severity];
	u32 masked, sent;

	if (severity == SIM_CORRECTABLE) {
		set_bits(fn, SIM_ECAP_AER + PCI_ERR_COR_STATUS, 4, bit);
		masked = sim_config_get(fn, SIM_ECAP_AER + PCI_ERR_COR_MASK, 4) & bit;
		sent = PCI_EXP_DEVCTL_CERE;
	} else {
		set_bits(fn, SIM_ECAP_AER + PCI_ERR_UNCOR_STATUS, 4, bit);
		masked = sim_config_get(fn, SIM_ECAP_AER + PCI_ERR_UNCOR_MASK, 4) & bit;
		sent = sim_config_get(fn, SIM_ECAP_AER + PCI_ERR_UNCOR_SEVER, 4) & bit ?
		       PCI_EXP_DEVCTL_FERE : PCI_EXP_DEVCTL_NFERE;
	}
	set_bits(fn, SIM_CAP_EXP + PCI_EXP_DEVSTA, 2, sent);
	if (masked)
		return 0;
	return sim_config_get(fn, SIM_CAP_EXP + PCI_EXP_DEVCTL, 2) & sent;
}

/* Latch the message in the root port. Returns whether the port interrupts for it. */
static bool note_message(struct sim_function *port, u16 sent)
{
	unsigned int status = PORT_AER + PCI_ERR_ROOT_STATUS;
	unsigned int source = PORT_AER + PCI_ERR_ROOT_ERR_SRC;
	u16 id = sim_config_get(port, PCI_SECONDARY_BUS, 1) << 8;
	u32 command = sim_config_get(port, PORT_AER + PCI_ERR_ROOT_COMMAND, 4);
	u32 seen = sim_config_get(port, status, 4);

	if (sent == PCI_EXP_DEVCTL_CERE) {
		if (!(seen & PCI_ERR_ROOT_COR_RCV))
			sim_config_set(port, source, 2, id);
		set_bits(port, status, 4, seen & PCI_ERR_ROOT_COR_RCV ?
			 PCI_ERR_ROOT_MULTI_COR_RCV : PCI_ERR_ROOT_COR_RCV);
		return command & PCI_ERR_ROOT_CMD_COR_EN;
	}
	if (!(seen & PCI_ERR_ROOT_UNCOR_RCV))
		sim_config_set(port, source + 2, 2, id);
	set_bits(port, status, 4, seen & PCI_ERR_ROOT_UNCOR_RCV ?
		 PCI_ERR_ROOT_MULTI_UNCOR_RCV : PCI_ERR_ROOT_UNCOR_RCV);
	if (sent == PCI_EXP_DEVCTL_NFERE) {
		set_bits(port, status, 4, PCI_ERR_ROOT_NONFATAL_RCV);
		return command & PCI_ERR_ROOT_CMD_NONFATAL_EN;
	}
	set_bits(port, status, 4, PCI_ERR_ROOT_FATAL_RCV |
		 (seen & PCI_ERR_ROOT_UNCOR_RCV ? 0 : PCI_ERR_ROOT_FIRST_FATAL));
	return command & PCI_ERR_ROOT_CMD_FATAL_EN;
}

static int report_locked(struct sim_gpu *gpu, enum sim_severity severity)
{
	u16 sent;

	if (!sim_power_answers_locked(gpu))
		return -EIO;
	sent = note_error(gpu->fn[0], severity);
	if (!sent || !note_message(gpu->port, sent))
		return -EIO;
	return sim_msi_port_message_locked(gpu);
}

/**
 * sim_aer_report - report an error of the GPU
 * @gpu: the GPU
 * @severity: its severity, unless the host has changed that
 *
 * Return: 0; -ENODEV if the GPU is not plugged in, -EOPNOTSUPP without the root port's
 * AER, -EIO if the report is masked or disabled, the port's interrupt is disabled or
 * the GPU does not respond; -EAGAIN if the port's interrupt is masked.
 */
int sim_aer_report(struct sim_gpu *gpu, enum sim_severity severity)
{
	unsigned long flags;
	int message;

	guard(mutex)(&gpu->mutex);
	if (gpu->state != SIM_ON)
		return -ENODEV;
	if (!gpu->identity.aer)
		return -EOPNOTSUPP;
	raw_spin_lock_irqsave(&gpu->lock, flags);
	message = report_locked(gpu, severity);
	raw_spin_unlock_irqrestore(&gpu->lock, flags);
	if (message < 0)
		return message;
	return generic_handle_domain_irq_safe(gpu->msi_domain, message);
}
