/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nvgpuctl: manage GPUs of a Grace host.
 *
 * main -> command -> {gpu, group, change, alias, ...} -> parsers, and -> root.c,
 * root_write.c for access to the machine. Parsers are pure functions of a buffer and
 * are fuzzed. Only root.c and root_write.c open files, so that --sysroot and --dry-run
 * apply everywhere; libpci and libkmod use the sysroot's directories, and facts.c
 * provides what is not in a file.
 */
#ifndef NVGPUCTL_H
#define NVGPUCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <linux/types.h>

#include "out.h"

#define NVGPUCTL_VERSION "0.1.0"
#define DRIVER_NAME "nvgpu_vfio_pci"
#define DRIVER_MODULE "nvgpu-vfio-pci"

/* driverctl's file with the driver of a device; a format for root_*(). */
#define PERSIST_FILE "/etc/driverctl.d/pci-%s"
/* driverctl's word for no driver, also in driver_override: no driver has this name. */
#define DRIVER_NONE "none"
#define LOCK_FILE "/run/nvgpuctl.lock"

#define SZ_K ((__u64)1024)
#define SZ_M (1024 * SZ_K)
#define SZ_G (1024 * SZ_M)

/* __free(pointer): free the memory when the variable goes out of scope. */
#define __free(what) __attribute__((__cleanup__(free_##what)))

static inline void free_pointer(void *p)
{
	free(*(void **)p);
}

struct json_object;

/* Exit statuses: scripts rely on them, see nvgpuctl(8). */
enum status {
	ST_OK = 0,
	ST_FAILED = 1,
	ST_USAGE = 2,
	ST_NODEV = 3,
	ST_PERM = 4,
	ST_BUSY = 5,
	ST_NOT_BACK = 6,
	ST_WARNINGS = 10,
	ST_FAILURES = 11,
	ST_NO_GPU = 77,
};

/* root.c, root_write.c: the machine, or a directory instead of it */

struct names {
	char **name;
	unsigned int nr;
};

int root_set(const char *dir);
bool root_is_host(void);
char *root_path(const char *fmt, ...) FORMAT(1, 2);
bool root_exists(const char *fmt, ...) FORMAT(1, 2);
bool root_may_use(const char *path);
ssize_t root_load(char **data, const char *fmt, ...) FORMAT(2, 3);
ssize_t root_load_gz(char **data, const char *fmt, ...) FORMAT(2, 3);
int root_read(char *buf, size_t len, const char *fmt, ...) FORMAT(3, 4);
dev_t root_number(const char *fmt, ...) FORMAT(1, 2);
int root_read_u64(__u64 *value, const char *fmt, ...) FORMAT(2, 3);
int root_link(char *buf, size_t len, const char *fmt, ...) FORMAT(3, 4);
int root_target(char *buf, size_t len, const char *fmt, ...) FORMAT(3, 4);
int root_names(struct names *names, const char *fmt, ...) FORMAT(2, 3);
void names_free(struct names *names);
int root_peek32(__u32 *value, off_t offset, const char *fmt, ...) FORMAT(3, 4);
int root_write(const char *value, const char *fmt, ...) FORMAT(2, 3);
int root_replace(const char *value, const char *fmt, ...) FORMAT(2, 3);
int root_remove(const char *fmt, ...) FORMAT(1, 2);
int root_lock(const char *path, const char *what);
void root_note(const char *verb, const char *what, const char *value);
struct json_object *root_writes(void);

/* facts.c: facts that are not in a file, or SYSROOT/nvgpuctl.facts */

struct fact {
	const char *name;
	int (*ask)(char *buf, size_t len);
};

extern const struct fact facts[];
extern const unsigned int nr_facts;

int fact(char *buf, size_t len, const char *name);
const char *qemu_path(void);
int program_version(const char *program, char *buf, size_t len);
const char *kernel_release(void);
char *kernel_config(void);
unsigned int page_size(void);

/* text.c: parsers and formatters of short texts */

/* Domain of an address without one. */
#define ANY_DOMAIN UINT32_MAX

struct bdf {
	unsigned int domain, bus, dev, fn;
};

bool parse_bdf(const char *text, struct bdf *bdf);
bool parse_id(const char *text, __u16 *vendor, __u16 *device);
bool parse_size(const char *text, __u64 *size);
bool parse_driver_file(const char *data, size_t len, char *driver, size_t size);
unsigned int parse_version(const char *text);
int parse_list(const char *text, unsigned int *list, unsigned int max);
int parse_config(const char *text, const char *key, char *value, size_t size);
int parse_memlock(const char *text, __u64 *soft);
bool parse_vm_name(const char *data, size_t len, char *name, size_t size);
const char *errno_name(int err);
__u64 pow2_ceil(__u64 value);
bool same_module(const char *a, const char *b);
void hide_ids(char *text);

#define VERSION(major, minor, micro) (((major) * 1000U + (minor)) * 1000U + (micro))

/* iomem.c */

/**
 * struct iomem_range - a line of /proc/iomem
 * @start: first address
 * @last: last address
 * @depth: nesting, 0 at the top
 * @name: text after the colon
 */
struct iomem_range {
	__u64 start, last;
	unsigned int depth;
	char name[96];
};

struct iomem {
	struct iomem_range *range;
	unsigned int nr;
};

int iomem_parse(char *text, struct iomem *iomem);
void iomem_free(struct iomem *iomem);
bool iomem_is_hidden(const struct iomem *iomem);
bool iomem_is_ram(const char *name);

/* acpi.c */

/**
 * struct acpi_memory - GPU memory described by a table
 * @has_base: the property exists with a constant value
 * @has_size: likewise
 * @is_computed: a property exists, but its value is not a constant
 */
struct acpi_memory {
	__u64 base, size;
	bool has_base, has_size, is_computed;
};

unsigned int acpi_find_memory(const __u8 *aml, size_t len, struct acpi_memory *found,
			      unsigned int max);

/* alias.c: libvirt's choice of a variant driver */

/**
 * struct candidate - a matching vfio_pci: alias
 * @module: name of the module
 * @pattern: the alias
 * @wildcards: number of "*"; libvirt takes the fewest, the first of equals
 * @line: number of its line
 */
struct candidate {
	char module[64];
	char pattern[128];
	unsigned int wildcards;
	unsigned int line;
};

struct candidates {
	struct candidate *v;
	unsigned int nr;
	int best;
};

int alias_search(const char *text, const char *modalias, struct candidates *found);
void candidates_free(struct candidates *found);
bool alias_is_claimed(const struct candidates *found);

/* gpu.c */

#define NR_BARS 6
/* PCI class of a GPU without a display. */
#define CLASS_3D 0x0302

/* Sources of the figures of GPU memory, best first. */
enum memory_source {
	MEM_UNKNOWN,
	MEM_DRIVER,
	MEM_FIRMWARE_NODE,
	MEM_ACPI,
};

/**
 * struct part - usemem or resmem
 * @size: bytes that exist, 0 if there is no such part
 * @bar: number of its BAR
 * @bar_size: bytes that the BAR reports
 */
struct part {
	__u64 size;
	int bar;
	__u64 bar_size;
};

/**
 * struct gpu - state of one GPU when it was loaded
 * @bdf: canonical address, the name in sysfs
 * @driver: empty if none
 * @override: driver_override, empty if none
 * @persisted: driver in /etc/driverctl.d, empty if none, "?" if invalid or unknown
 * @iommu: name of the IOMMU, empty if unknown
 * @group: IOMMU group, -1 if none
 * @node: NUMA node, -1 if none
 * @bar_size: of the hardware's own BARs
 * @decodes: memory decode is on
 * @has_config: the whole config space could be read, so the DVSECs are known
 * @source: source of the following figures
 * @has_base: @mem_base is known
 * @has_size: @mem_size is known
 * @is_computed: ACPI has the properties, but no constants that are this GPU's
 * @is_persisted_hidden: it could not be read
 * @is_hidden: ACPI tables exist that could not be read
 * @ready: coherent_memory/ready, empty if not bound to the driver
 */
struct gpu {
	char bdf[16];
	struct bdf address;
	__u16 vendor, device;
	__u32 class;
	char name[96];
	char modalias[128];
	char driver[64];
	char override[64];
	char persisted[64];
	char iommu[64];
	char vfio_dev[32];
	int group;
	int node;
	__u64 bar_size[NR_BARS];
	bool answers;
	bool decodes;
	bool has_config;
	bool mig_fixed;
	__u16 cxl_dvsec;
	__u32 cxl_status;
	enum memory_source source;
	bool has_base, has_size, is_computed, is_hidden, is_persisted_hidden;
	__u64 mem_base, mem_size;
	struct part usemem, resmem;
	char ready[16];
	__u64 resets, poisoned;
};

struct gpus {
	struct gpu *v;
	unsigned int nr;
};

int gpus_load(struct gpus *gpus, char **spec, unsigned int nr);
void gpus_free(struct gpus *gpus);
bool gpus_have(const struct gpus *gpus, const char *bdf);
bool gpu_matches(const struct gpu *gpu, const char *spec);
int gpus_select(const struct gpus *all, char **spec, unsigned int nr, struct gpus *chosen);
struct json_object *gpu_json(const struct gpu *gpu);

/* memory.c */

void memory_load(struct gpus *gpus);
const char *memory_source_name(enum memory_source source);

/* group.c */

struct member {
	char bdf[16];
	char driver[64];
	char class[16];
	bool is_bridge;
	bool blocks;
};

struct group {
	struct member *v;
	unsigned int nr;
};

int group_load(int id, struct group *group);
void group_free(struct group *group);
const struct member *group_blocker(const struct group *group, const char *bdf);

/* users.c: processes that hold device files */

/**
 * struct user - a process that uses a GPU
 * @pid: its number
 * @name: of the VM that it runs, else of the program
 * @file: device file that it holds
 */
struct user {
	int pid;
	char name[64];
	char file[64];
};

struct users {
	struct user *v;
	unsigned int nr;
};

int users_load(const struct gpu *gpu, struct users *users);
void users_free(struct users *users);
int users_of_gpu(const struct gpu *gpu, char *list, size_t len);

/* module.c: libkmod */

/**
 * struct module_info - an installed module
 * @signer: name of the key, empty if it is not signed
 * @key: its id, hexadecimal without colons: the serial number of its certificate
 * @install: command of modprobe.d that modprobe runs instead, empty if none
 * @is_builtin: built into the kernel
 * @is_blacklisted: blacklisted in modprobe.d
 */
struct module_info {
	char path[256];
	char version[32];
	char srcversion[64];
	char signer[128];
	char key[128];
	char install[128];
	bool is_builtin;
	bool is_blacklisted;
};

int module_info(const char *name, struct module_info *info);
int module_print(const char *name);
int module_load(const char *name);

/* kmsg.c */

__u64 kmsg_last(void);
bool kmsg_find(char *text, __u64 after, const char *what, char *buf, size_t size);
bool kmsg_error(__u64 after, const char *what, char *buf, size_t len);

/* step.c: what may wait */

void step_hold_signals(void);
int step_wait(bool (*is_met)(void *arg), void *arg, const char *what);
int step_run(int (*step)(const void *arg), const void *arg, const char *what);
const char *step_why(int err);

/* change.c: change the drivers of GPUs, all or none */

/**
 * struct change - a driver change of a GPU
 * @gpu: its state before
 * @name: buffer for @driver
 * @driver: driver to bind, "" for the kernel's choice, NULL for none
 * @override: driver_override after the change
 */
struct change {
	const struct gpu *gpu;
	char name[64];
	const char *driver;
	const char *override;
};

/**
 * struct changes - of several GPUs
 * @persist: write their drivers to /etc/driverctl.d as well
 * @is_each: each on its own, not all or none
 */
struct changes {
	struct change *v;
	unsigned int nr;
	bool persist;
	bool is_each;
};

enum status changes_begin(void);
enum status changes_run(const struct changes *changes);

/* json.c */

struct json_object *json_document(const char *schema);
void json_add_string(struct json_object *to, const char *key, const char *value);
void json_add_null(struct json_object *to, const char *keys);
void json_add_int(struct json_object *to, const char *key, __s64 value);
void json_add_u64(struct json_object *to, const char *key, __u64 value);
void json_add_hex(struct json_object *to, const char *key, __u64 value);
void json_add_bool(struct json_object *to, const char *key, bool value);
void json_put_out(struct json_object *document);
enum status json_put_gpus(const char *schema, const struct gpus *gpus,
			  struct json_object *(*one)(const struct gpu *gpu));

/* table.c */

/**
 * struct column - a column of a table of GPUs
 * @name: heading, in lower case for -o
 * @help: one line
 * @type: of the field; all but text are aligned to the right
 * @offset: of the field in struct gpu
 * @text: writes the cell, if it is no field
 */
struct column {
	const char *name;
	const char *help;
	enum {
		COLUMN_TEXT,
		COLUMN_NUMBER,
		COLUMN_SIZE,
		COLUMN_COUNT,
	} type;
	size_t offset;
	void (*text)(const struct gpu *gpu, char *buf, size_t len);
};

struct libscols_table;

extern const struct column gpu_columns[];
extern const unsigned int nr_gpu_columns;

void column_text(const struct column *column, const struct gpu *gpu, char *buf, size_t len);
int columns_choose(const char *list, const struct column **chosen, unsigned int max);
struct libscols_table *table_new(void);
int table_print(struct libscols_table *table);

/* cmd_*.c */

enum status cmd_list(int argc, char **argv);
enum status cmd_show(int argc, char **argv);
enum status cmd_map(int argc, char **argv);
enum status cmd_alias(int argc, char **argv);
enum status cmd_bind(int argc, char **argv);
enum status cmd_unbind(int argc, char **argv);
enum status cmd_doctor(int argc, char **argv);
enum status cmd_gen(int argc, char **argv);
enum status cmd_report(int argc, char **argv);

/* settings.c */

/**
 * struct setting - an option of a command
 * @name: its name
 * @valid: its valid values, for the user
 * @argument: whether it has a value, as in struct option
 * @set: sets @value, false if the text is not valid; text is NULL without one
 * @value: what is set
 */
struct setting {
	const char *name;
	const char *valid;
	int argument;
	bool (*set)(void *value, const char *text);
	void *value;
};

bool set_flag(void *value, const char *text);
bool set_text(void *value, const char *text);
bool set_number(void *value, const char *text);
bool set_size(void *value, const char *text);
bool settings_parse(const struct setting *own, int argc, char **argv, void (*help)(void));

/* main.c */

struct option;

int next_option(int argc, char **argv, const struct option *own, void (*help)(void));
enum status load_and_select(int argc, char **argv, struct gpus **all, struct gpus **chosen);

#endif /* NVGPUCTL_H */
