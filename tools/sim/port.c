// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space of the root port, which a secondary bus reset and vfio's hot reset
 * need. It has no PM capability, no slot and, without AER, no interrupt: portdrv
 * then finds no service.
 */
#include <linux/mm.h>

#include "sim.h"

#define PORT_DEVICE_ID		0x22b1

static void define_header(struct sim_function *port)
{
	sim_config_define(port, PCI_VENDOR_ID, 2, SIM_VENDOR_ID, 0, 0);
	sim_config_define(port, PCI_DEVICE_ID, 2, PORT_DEVICE_ID, 0, 0);
	sim_config_define(port, PCI_COMMAND, 2, 0, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
			  PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
			  PCI_COMMAND_INTX_DISABLE, 0);
	sim_config_define(port, PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0, PCI_STATUS_ERROR_BITS);
	sim_config_define(port, PCI_CLASS_DEVICE, 2, PCI_CLASS_BRIDGE_PCI, 0, 0);
	sim_config_define(port, PCI_CACHE_LINE_SIZE, 1, 0, 0xff, 0);
	sim_config_define(port, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE, 0, 0);
	sim_config_define(port, PCI_CAPABILITY_LIST, 1,
			  port->gpu->identity.aer ? SIM_CAP_MSI : SIM_CAP_EXP, 0, 0);
	sim_config_define(port, PCI_INTERRUPT_LINE, 1, 0, 0xff, 0);
	sim_config_define(port, PCI_BRIDGE_CONTROL, 2, 0, 0x5f, 0);
}

/*
 * Windows are closed (base above limit) until firmware opens them. The I/O window
 * is closed instead of absent (registers that are always 0): Linux 6.12 takes an
 * absent one for 4 KiB at 0, fails to claim that and does not enable the port.
 */
static void define_windows(struct sim_function *port)
{
	sim_config_define(port, PCI_PRIMARY_BUS, 4, 0, 0xffffff, 0);
	sim_config_define(port, PCI_IO_BASE, 2, 0x00f0, 0xf0f0, 0);
	sim_config_define(port, PCI_MEMORY_BASE, 4, 0x0000fff0, 0xfff0fff0, 0);
	sim_config_define(port, PCI_PREF_MEMORY_BASE, 4,
			  0x0000fff0 | PCI_PREF_RANGE_TYPE_64 | PCI_PREF_RANGE_TYPE_64 << 16,
			  0xfff0fff0, 0);
	sim_config_define(port, PCI_PREF_BASE_UPPER32, 4, 0, U32_MAX, 0);
	sim_config_define(port, PCI_PREF_LIMIT_UPPER32, 4, 0, U32_MAX, 0);
}

/*
 * Link active reporting: without it the PCI core waits a second after every
 * bus reset of a link faster than 5 GT/s.
 */
static void define_exp(struct sim_function *port)
{
	sim_config_define(port, SIM_CAP_EXP, 1, PCI_CAP_ID_EXP, 0, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_FLAGS, 2,
			  2 | PCI_EXP_TYPE_ROOT_PORT << 4, 0, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER | 1, 0, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_DEVCTL, 2, 0, 0x7fff, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_DEVSTA, 2, 0, 0, 0xf);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_LNKCAP, 4,
			  PCI_EXP_LNKCAP_SLS_32_0GB | PCI_EXP_LNKCAP_DLLLARC |
			  16 << PCI_EXP_LNKSTA_NLW_SHIFT, 0, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_CCC |
			  PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_ES, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_LNKSTA, 2,
			  PCI_EXP_LNKSTA_CLS_32_0GB | 16 << PCI_EXP_LNKSTA_NLW_SHIFT, 0, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_RTCTL, 2, 0, PCI_EXP_RTCTL_RRS_SVE, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_RTCAP, 2, PCI_EXP_RTCAP_RRS_SV, 0, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_DEVCTL2, 2, 0, 0x1f, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_LNKCAP2, 4, 0x3e, 0, 0);
	sim_config_define(port, SIM_CAP_EXP + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS_32_0GT,
			  PCI_EXP_LNKCTL2_TLS, 0);
}

static void port_written(struct sim_function *port, unsigned int where, u32 bits)
{
	if (where == round_down(PCI_BRIDGE_CONTROL, 4))
		sim_power_bus_reset_locked(port->gpu,
					   sim_config_get(port, PCI_BRIDGE_CONTROL, 2) &
					   PCI_BRIDGE_CTL_BUS_RESET);
}

/**
 * sim_port_create - build the config space of the root port
 * @gpu: the GPU that will be below
 *
 * Return: the port, windows closed; NULL if out of memory.
 */
struct sim_function *sim_port_create(struct sim_gpu *gpu)
{
	struct sim_function *port = kvzalloc(sizeof(*port), GFP_KERNEL);

	if (!port)
		return NULL;
	port->gpu = gpu;
	port->written = port_written;
	define_header(port);
	define_windows(port);
	define_exp(port);
	if (gpu->identity.aer) {
		sim_config_define(port, SIM_CAP_MSI, 2, PCI_CAP_ID_MSI | SIM_CAP_EXP << 8, 0, 0);
		sim_msi_define(port, SIM_CAP_MSI);
		sim_aer_define_port(port);
	}
	sim_config_seal(port);
	return port;
}

/**
 * sim_port_open_window - program bus numbers and window as firmware would
 * @port: the root port
 * @window: becomes the prefetchable window; aligned to 1 MiB
 */
void sim_port_open_window(struct sim_function *port, const struct resource *window)
{
	sim_config_write(port, PCI_PRIMARY_BUS, 4, 0x010100);
	sim_config_write(port, PCI_PREF_MEMORY_BASE, 2, window->start >> 16);
	sim_config_write(port, PCI_PREF_MEMORY_LIMIT, 2, window->end >> 16);
	sim_config_write(port, PCI_PREF_BASE_UPPER32, 4, upper_32_bits(window->start));
	sim_config_write(port, PCI_PREF_LIMIT_UPPER32, 4, upper_32_bits(window->end));
}

/**
 * sim_port_show_link - set the link state
 * @port: the root port
 * @up: the state
 */
void sim_port_show_link(struct sim_function *port, bool up)
{
	u16 status = sim_config_get(port, SIM_CAP_EXP + PCI_EXP_LNKSTA, 2) & ~PCI_EXP_LNKSTA_DLLLA;

	sim_config_set(port, SIM_CAP_EXP + PCI_EXP_LNKSTA, 2,
		       up ? status | PCI_EXP_LNKSTA_DLLLA : status);
}
