// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the module: installed, current, signed.
 */
#include "doctor.h"

#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

#define SIGN_TODO "sign it with your MOK: sudo mokutil --import /var/lib/dkms/mok.pub, boot and enroll, then dkms install --force"

/* Four bytes of attributes, then the value. */
static bool secure_boot(void)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, SECURE_BOOT);

	return len == 5 && data[4] == 1;
}

/* "none [integrity] confidentiality": brackets mark the current value. */
static bool locked_down(void)
{
	char text[64];

	root_read(text, sizeof(text), "/sys/kernel/security/lockdown");
	return text[0] && !strstr(text, "[none]");
}

static bool sig_enforced(void)
{
	char text[8];

	root_read(text, sizeof(text), "/sys/module/module/parameters/sig_enforce");
	return text[0] == 'Y';
}

static void check_installed(const struct patient *patient)
{
	struct module_info info;

	if (module_info(DRIVER_MODULE, &info))
		finding(FAIL,
			"install nvgpu-vfio-pci-dkms and the headers of this kernel, or run make install",
			"no module " DRIVER_MODULE " for kernel %s", kernel_release());
	else if (info.is_blacklisted)
		finding(FAIL, "remove the blacklist line from /etc/modprobe.d",
			DRIVER_MODULE " is blacklisted in modprobe.d");
	else
		finding(PASS, NULL, DRIVER_MODULE " %s for kernel %s%s", info.version,
			kernel_release(), info.is_builtin ? ", built in" : "");
}

static void check_current(const struct patient *patient)
{
	struct module_info info;
	char loaded[64];

	if (root_read(loaded, sizeof(loaded), "/sys/module/" DRIVER_NAME "/srcversion")) {
		finding(SKIP, NULL, "the module is not loaded");
		return;
	}
	if (module_info(DRIVER_MODULE, &info) || !info.srcversion[0])
		finding(SKIP, NULL, "the installed module is unknown");
	else if (strcmp(loaded, info.srcversion))
		finding(WARN, "unbind the GPUs, modprobe -r " DRIVER_MODULE ", bind them again",
			"the loaded module (%s) is not the installed one (%s)", loaded,
			info.srcversion);
	else
		finding(PASS, NULL, "the loaded module is the installed one");
}

static bool key_is_known(const char *signer)
{
	char *data __free(pointer) = NULL;

	return root_load(&data, "/proc/keys") > 0 && strstr(data, signer);
}

static void check_signature(const struct patient *patient)
{
	const char *why = locked_down() ? "the kernel is locked down" :
			  sig_enforced() ? "module.sig_enforce is set" :
			  secure_boot() ? "Secure Boot is on" : NULL;
	struct module_info info;

	if (!why) {
		finding(PASS, NULL, "unsigned modules may be loaded");
		return;
	}
	if (module_info(DRIVER_MODULE, &info))
		finding(SKIP, NULL, "the module is not installed");
	else if (info.is_builtin)
		finding(PASS, NULL, "the driver is built in");
	else if (!info.signer[0])
		finding(FAIL, SIGN_TODO, "%s, and the module is not signed", why);
	else if (!key_is_known(info.signer))
		finding(FAIL, SIGN_TODO,
			"%s, and the kernel lacks the key \"%s\" of the module",
			why, info.signer);
	else
		finding(PASS, NULL, "%s; the module is signed by \"%s\", a key known to the kernel",
			why, info.signer);
}

const struct check module_checks[] = {
	{ "module.installed", "the module is installed for this kernel", check_installed, NULL },
	{ "module.current", "the loaded module is the installed one", check_current, NULL },
	{ "module.signature", "Secure Boot, lockdown and the module's signature", check_signature,
	  NULL },
	{ }
};
