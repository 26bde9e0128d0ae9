// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules on the disk and in the kernel, through libkmod.
 */
#include <ctype.h>
#include <errno.h>
#include <libkmod.h>

#include "nvgpuctl.h"

static struct kmod_ctx *context(void)
{
	char *modules __free(pointer) = root_path("/lib/modules/%s", kernel_release());
	char *etc __free(pointer) = root_path("/etc/modprobe.d");
	char *run __free(pointer) = root_path("/run/modprobe.d");
	char *lib __free(pointer) = root_path("/lib/modprobe.d");
	const char *const config[] = { etc, run, lib, NULL };

	return kmod_new(modules, config);
}

static void copy_key(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from && n + 1 < size; from++)
		if (*from != ':')
			to[n++] = tolower((unsigned char)*from);
	to[n] = '\0';
}

static void read_field(void *arg, const char *key, const char *value)
{
	struct module_info *info = arg;

	if (!strcmp(key, "version"))
		snprintf(info->version, sizeof(info->version), "%s", value);
	else if (!strcmp(key, "srcversion"))
		snprintf(info->srcversion, sizeof(info->srcversion), "%s", value);
	else if (!strcmp(key, "signer"))
		snprintf(info->signer, sizeof(info->signer), "%s", value);
	else if (!strcmp(key, "sig_key"))
		copy_key(info->key, sizeof(info->key), value);
}

/* The fields that modinfo shows. */
static void each_field(struct kmod_module *module, void (*field)(void *arg, const char *key,
								 const char *value), void *arg)
{
	struct kmod_list *list = NULL, *entry;

	if (kmod_module_get_info(module, &list) < 0)
		return;
	kmod_list_foreach(entry, list)
		field(arg, kmod_module_info_get_key(entry), kmod_module_info_get_value(entry));
	kmod_module_info_free_list(list);
}

static int read_info(struct kmod_module *module, void *arg)
{
	struct module_info *info = arg;
	const char *path = kmod_module_get_path(module);

	info->is_builtin = !path;
	snprintf(info->path, sizeof(info->path), "%s", path ? path : "");
	each_field(module, read_field, info);
	return 0;
}

/* Calls a function for each module of a name or alias: its last result, -ENOENT without one. */
static int each_module(struct kmod_ctx *ctx, const char *name,
		       int (*run)(struct kmod_module *module, void *arg), void *arg)
{
	struct kmod_list *list = NULL, *entry;
	int ret = -ENOENT;

	if (kmod_module_new_from_lookup(ctx, name, &list) >= 0) {
		kmod_list_foreach(entry, list) {
			struct kmod_module *module = kmod_module_get_module(entry);

			ret = run(module, arg);
			kmod_module_unref(module);
		}
	}
	kmod_module_unref_list(list);
	return ret;
}

static int each_module_named(const char *name, int (*run)(struct kmod_module *module, void *arg))
{
	struct kmod_ctx *ctx = context();
	int ret;

	if (!ctx)
		return -ENOENT;
	ret = each_module(ctx, name, run, NULL);
	kmod_unref(ctx);
	return ret;
}

/* Is there a line for this module in modprobe.d? Frees @iter; @value gets its command. */
static bool is_configured(struct kmod_config_iter *iter, const char *name, char *value, size_t len)
{
	bool found = false;

	while (iter && !found && kmod_config_iter_next(iter))
		found = same_module(kmod_config_iter_get_key(iter), name);
	if (found && value)
		snprintf(value, len, "%s", kmod_config_iter_get_value(iter));
	kmod_config_iter_free_iter(iter);
	return found;
}

/**
 * module_info() - Find a module for the running kernel
 * @name: its name
 * @info: filled
 *
 * Return: 0, -ENOENT if there is none.
 */
int module_info(const char *name, struct module_info *info)
{
	struct kmod_ctx *ctx = context();
	int ret;

	*info = (struct module_info) {};
	if (!ctx)
		return -ENOENT;
	ret = each_module(ctx, name, read_info, info);
	info->is_blacklisted = is_configured(kmod_config_get_blacklists(ctx), name, NULL, 0);
	is_configured(kmod_config_get_install_commands(ctx), name, info->install,
		      sizeof(info->install));
	kmod_unref(ctx);
	return ret;
}

static void print_field(void *arg, const char *key, const char *value)
{
	if (strcmp(key, "signature") && strcmp(key, "alias"))
		printf("%s: %s\n", key, value);
}

static int print_module(struct kmod_module *module, void *arg)
{
	const char *path = kmod_module_get_path(module);

	printf("filename: %s\n", path ? path : "(built in)");
	each_field(module, print_field, NULL);
	return 0;
}

/**
 * module_print() - Print what modinfo shows of a module, without aliases and signature
 * @name: its name
 *
 * Return: 0, -ENOENT if there is none.
 */
int module_print(const char *name)
{
	return each_module_named(name, print_module);
}

static int insert_module(struct kmod_module *module, void *arg)
{
	return kmod_module_probe_insert_module(module, 0, NULL, NULL, NULL, NULL);
}

static int insert(const void *name)
{
	return each_module_named(name, insert_module);
}

/**
 * module_load() - Load a module and its dependencies, unless it is loaded
 * @name: its name
 *
 * Loads nothing with --sysroot.
 *
 * Return: 0 or a negative errno, -ENOENT if there is none, or that of step_run().
 */
int module_load(const char *name)
{
	char what[128];

	root_note("load", name, NULL);
	if (opts.dry_run || !root_is_host())
		return 0;
	snprintf(what, sizeof(what), "for the kernel: load %s", name);
	return step_run(insert, name, what);
}
