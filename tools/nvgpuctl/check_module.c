// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the module: installed, current, signed.
 */
#define _GNU_SOURCE
#include "doctor.h"

#define SECURE_BOOT "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

/* A certificate: tag and length of the subject key identifier, 20 bytes. */
#define SUBJECT_KEY "\x06\x03\x55\x1d\x0e\x04\x16\x04\x14"
#define SUBJECT_KEY_LEN 20

/* Four bytes of attributes, then the value. */
static bool secure_boot(void)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, SECURE_BOOT);

	return len == 5 && data[4] == 1;
}

/* "none [integrity] confidentiality": brackets mark the current value. */
static bool locked_down(bool *is_known)
{
	char text[64];

	*is_known = !root_read(text, sizeof(text), "/sys/kernel/security/lockdown");
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
	else if (info.install[0])
		finding(FAIL, "remove the install line from /etc/modprobe.d",
			"modprobe runs \"%s\" instead of loading " DRIVER_MODULE, info.install);
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

/* The certificate of DKMS's key: as configured, else of Debian or Ubuntu. */
static void mok_path(char *buf, size_t size)
{
	static const char *const known[] = {
		"/var/lib/shim-signed/mok/MOK.der", "/var/lib/dkms/mok.pub",
	};
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, "/etc/dkms/framework.conf");
	unsigned int i;
	size_t n;

	if (len > 0 && !parse_config(data, "mok_certificate", buf, size)) {
		n = strspn(buf, "\"'");
		memmove(buf, buf + n, strlen(buf + n) + 1);
		buf[strcspn(buf, "\"'")] = '\0';
		return;
	}
	for (i = 0; i + 1 < NR_ITEMS(known) && !root_exists("%s", known[i]); i++)
		;
	snprintf(buf, size, "%s", known[i]);
}

static size_t from_hex(const char *text, char *to, size_t size)
{
	unsigned int byte;
	size_t n;

	for (n = 0; n < size && sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
		to[n] = byte;
	return n;
}

/*
 * A signature names the serial number of its key's certificate, /proc/keys the
 * certificate's subject key identifier. Empty if this certificate is another one's.
 */
static void subject_key(const char *cert, ssize_t len, const char *serial, char *buf, size_t size)
{
	char number[64];
	size_t n = from_hex(serial, number, sizeof(number)), i;
	const unsigned char *at;

	buf[0] = '\0';
	if (len <= 0 || !n || !memmem(cert, len, number, n))
		return;
	at = memmem(cert, len, SUBJECT_KEY, sizeof(SUBJECT_KEY) - 1);
	if (!at || at + sizeof(SUBJECT_KEY) - 1 + SUBJECT_KEY_LEN > (unsigned char *)cert + len)
		return;
	for (i = 0; i < SUBJECT_KEY_LEN && 2 * i + 2 < size; i++)
		sprintf(buf + 2 * i, "%02x", at[sizeof(SUBJECT_KEY) - 1 + i]);
}

/* The verdict on a key: FAIL if the kernel lacks it, SKIP if that is unknown. */
static enum verdict judge_key(const struct module_info *info, const char *mok)
{
	char *keys __free(pointer) = NULL, *cert __free(pointer) = NULL;
	char id[2 * SUBJECT_KEY_LEN + 1];
	ssize_t len;

	if (root_load(&keys, "/proc/keys") <= 0)
		return SKIP;
	len = root_load(&cert, "%s", mok);
	subject_key(cert, len, info->key, id, sizeof(id));
	if (info->key[0] && strstr(keys, info->key))
		return PASS;
	if (id[0])
		return strstr(keys, id) ? PASS : FAIL;
	return strstr(keys, info->signer) ? SKIP : FAIL;
}

static void check_signature(const struct patient *patient)
{
	bool is_known;
	const char *why = locked_down(&is_known) ? "the kernel is locked down" :
			  sig_enforced() ? "module.sig_enforce is set" :
			  secure_boot() ? "Secure Boot is on" : NULL;
	struct module_info info;
	char mok[256], todo[512];

	mok_path(mok, sizeof(mok));
	snprintf(todo, sizeof(todo),
		 "sign it with your MOK: sudo mokutil --import %s, boot and enroll, then dkms install --force",
		 mok);
	if (!why) {
		finding(is_known ? PASS : SKIP, NULL, is_known ? "unsigned modules may be loaded" :
			"/sys/kernel/security/lockdown cannot be read");
		return;
	}
	if (module_info(DRIVER_MODULE, &info))
		finding(SKIP, NULL, "the module is not installed");
	else if (info.is_builtin)
		finding(PASS, NULL, "the driver is built in");
	else if (!info.signer[0])
		finding(FAIL, todo, "%s, and the module is not signed", why);
	else if (judge_key(&info, mok) == FAIL)
		finding(FAIL, todo, "%s, and the kernel lacks the key \"%s\" (%s) of the module",
			why, info.signer, info.key);
	else if (judge_key(&info, mok) == SKIP)
		finding(SKIP, NULL,
			"%s; whether the kernel has the key \"%s\" (%s) of the module is unknown: see mokutil --list-enrolled",
			why, info.signer, info.key);
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
