// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GPUs of the machine: found by libpci, described from sysfs.
 */
#include <errno.h>
#include <json-c/json.h>
#include <pci/pci.h>

#include "nvgpuctl.h"

#define VENDOR_NVIDIA		0x10de
#define VENDOR_CXL		0x1e98

/* Unprivileged readers get 64 bytes of config space, so no extended capabilities. */
#define CONFIG_EXTENDED		0x100

/* GPU DVSEC: bit 0 of this word is set if MIG works with cached memory. */
#define DVSEC_GPU_ID		3
#define DVSEC_GPU_MIG		0xa
/* CXL device DVSEC: size of range 1, and whether it is valid and active. */
#define DVSEC_CXL_ID		0
#define DVSEC_CXL_RANGE1	0x1c

/* Names only: any NVIDIA 3D controller of a Grace host is a GPU. */
static const struct {
	__u16 device;
	const char *name;
} known_names[] = {
	{ 0x2342, "GH200 120GB" },
	{ 0x2345, "GH200 480GB" },
	{ 0x2348, "GH200" },
	{ 0x2941, "GB200" },
	{ 0x3041, "Vera Rubin" },
	{ 0x307f, "Vera Rubin" },
	{ 0x31a1, "GB300" },
	{ 0x31c2, "GB300" },
	{ 0x31c3, "GB300 in DGX Station" },
};

static void keep_quiet(char *msg, ...)
{
}

static void load_name(struct gpu *gpu, struct pci_access *pci)
{
	const char *name = NULL;
	char buf[sizeof(gpu->name)];
	unsigned int i;

	for (i = 0; gpu->vendor == VENDOR_NVIDIA && i < NR_ITEMS(known_names); i++)
		if (known_names[i].device == gpu->device)
			name = known_names[i].name;
	if (!name)
		name = pci_lookup_name(pci, buf, sizeof(buf), PCI_LOOKUP_DEVICE |
				       PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB,
				       gpu->vendor, gpu->device);
	snprintf(gpu->name, sizeof(gpu->name), "%s", name ? name : "unknown");
}

static void load_dvsecs(struct gpu *gpu, struct pci_dev *dev)
{
	struct pci_cap *cap;
	__u16 vendor, id;

	for (cap = dev->first_cap; cap; cap = cap->next) {
		if (cap->type != PCI_CAP_EXTENDED || cap->id != PCI_EXT_CAP_ID_DVSEC)
			continue;
		vendor = pci_read_word(dev, cap->addr + 4);
		id = pci_read_word(dev, cap->addr + 8);
		if (vendor == VENDOR_NVIDIA && id == DVSEC_GPU_ID)
			gpu->mig_fixed = pci_read_word(dev, cap->addr + DVSEC_GPU_MIG) & 1;
		if (vendor == VENDOR_CXL && id == DVSEC_CXL_ID) {
			gpu->cxl_dvsec = cap->addr;
			gpu->cxl_status = pci_read_long(dev, cap->addr + DVSEC_CXL_RANGE1);
		}
	}
}

static void load_persisted(struct gpu *gpu)
{
	char *data __free(pointer) = NULL;
	ssize_t len = root_load(&data, PERSIST_FILE, gpu->bdf);

	gpu->is_persisted_hidden = len < 0 && len != -ENOENT;
	if (gpu->is_persisted_hidden ||
	    (len >= 0 &&
	     !parse_driver_file(data, len, gpu->persisted, sizeof(gpu->persisted))))
		snprintf(gpu->persisted, sizeof(gpu->persisted), "?");
}

static void load_vfio_dev(struct gpu *gpu)
{
	struct names names;

	if (root_names(&names, "/sys/bus/pci/devices/%s/vfio-dev", gpu->bdf))
		return;
	if (names.nr)
		snprintf(gpu->vfio_dev, sizeof(gpu->vfio_dev), "%s", names.name[0]);
	names_free(&names);
}

static void load_sysfs(struct gpu *gpu)
{
	const char *bdf = gpu->bdf;
	char text[32];

	root_read(gpu->modalias, sizeof(gpu->modalias), "/sys/bus/pci/devices/%s/modalias", bdf);
	root_link(gpu->driver, sizeof(gpu->driver), "/sys/bus/pci/devices/%s/driver", bdf);
	root_read(gpu->override, sizeof(gpu->override),
		  "/sys/bus/pci/devices/%s/driver_override", bdf);
	if (!strcmp(gpu->override, "(null)"))
		gpu->override[0] = '\0';
	if (root_link(gpu->iommu, sizeof(gpu->iommu), "/sys/bus/pci/devices/%s/iommu", bdf))
		gpu->iommu[0] = '\0';
	gpu->group = -1;
	if (!root_link(text, sizeof(text), "/sys/bus/pci/devices/%s/iommu_group", bdf))
		gpu->group = atoi(text);
	root_read(text, sizeof(text), "/sys/bus/pci/devices/%s/numa_node", bdf);
	gpu->node = text[0] ? atoi(text) : -1;
	load_persisted(gpu);
	load_vfio_dev(gpu);
}

static void load_gpu(struct gpu *gpu, struct pci_access *pci, struct pci_dev *dev)
{
	int i;

	gpu->address = (struct bdf) { dev->domain, dev->bus, dev->dev, dev->func };
	snprintf(gpu->bdf, sizeof(gpu->bdf), "%04x:%02x:%02x.%x", dev->domain, dev->bus,
		 dev->dev, dev->func);
	gpu->vendor = dev->vendor_id;
	gpu->device = dev->device_id;
	gpu->class = dev->device_class;
	load_name(gpu, pci);
	for (i = 0; i < NR_BARS; i++)
		gpu->bar_size[i] = dev->size[i];
	gpu->answers = pci_read_word(dev, PCI_VENDOR_ID) != 0xffff;
	gpu->decodes = pci_read_word(dev, PCI_COMMAND) & PCI_COMMAND_MEMORY;
	gpu->has_config = pci_read_block(dev, CONFIG_EXTENDED, (__u8 [4]) {}, 4);
	load_dvsecs(gpu, dev);
	load_sysfs(gpu);
}

static int compare(const void *a, const void *b)
{
	const struct bdf *x = &((const struct gpu *)a)->address;
	const struct bdf *y = &((const struct gpu *)b)->address;

	if (x->domain != y->domain)
		return x->domain < y->domain ? -1 : 1;
	return (int)(x->bus << 8 | x->dev << 3 | x->fn) - (int)(y->bus << 8 | y->dev << 3 | y->fn);
}

static bool is_candidate(const struct pci_dev *dev)
{
	return (dev->vendor_id == VENDOR_NVIDIA && dev->device_class >> 8 == CLASS_3D >> 8) ||
	       root_exists("/sys/bus/pci/devices/%04x:%02x:%02x.%x/coherent_memory",
			   dev->domain, dev->bus, dev->dev, dev->func);
}

/* Firmware without the properties: any 3D controller of an arm64 host. */
static bool is_gpu(const struct gpu *gpu)
{
	char machine[32];

	if (gpu->source != MEM_UNKNOWN)
		return true;
	return gpu->class == CLASS_3D &&
	       (fact(machine, sizeof(machine), "machine") || !strcmp(machine, "aarch64"));
}

static struct pci_access *open_pci(void)
{
	char *bus __free(pointer) = root_path("/sys/bus/pci");
	char *ids __free(pointer) = root_path("/usr/share/misc/pci.ids");
	struct pci_access *pci = pci_alloc();

	pci->method = PCI_ACCESS_SYS_BUS_PCI;
	/* No cache of names in the user's home. */
	pci->id_lookup_mode = 0;
	pci->warning = keep_quiet;
	pci_set_param(pci, "sysfs.path", bus);
	if (!root_is_host())
		pci_set_name_list_path(pci, strdup(ids), 1);
	pci_init(pci);
	return pci;
}

/* Does the user name this GPU by address, with or without domain, vendor:device, "all"? */
bool gpu_matches(const struct gpu *gpu, const char *spec)
{
	__u16 vendor, device;
	struct bdf bdf;

	if (!strcmp(spec, "all"))
		return true;
	if (parse_id(spec, &vendor, &device))
		return gpu->vendor == vendor && gpu->device == device;
	if (!parse_bdf(spec, &bdf))
		return false;
	if (bdf.domain == ANY_DOMAIN)
		bdf.domain = gpu->address.domain;
	return !memcmp(&bdf, &gpu->address, sizeof(bdf));
}

static void keep_gpus(struct gpus *gpus, char **spec, unsigned int nr)
{
	unsigned int i, j, kept = 0;
	bool keep;

	for (i = 0; i < gpus->nr; i++) {
		keep = is_gpu(&gpus->v[i]);
		for (j = 0; j < nr && !keep; j++)
			keep = strcmp(spec[j], "all") && gpu_matches(&gpus->v[i], spec[j]);
		if (keep)
			gpus->v[kept++] = gpus->v[i];
	}
	gpus->nr = kept;
}

/**
 * gpus_load() - Find the GPUs
 * @gpus: gets them, sorted by address; to be freed
 * @spec: display controllers of NVIDIA named here are GPUs, too
 * @nr: number of entries in @spec
 *
 * Return: 0 or a negative errno without PCI.
 */
int gpus_load(struct gpus *gpus, char **spec, unsigned int nr)
{
	struct pci_access *pci;
	struct pci_dev *dev;

	*gpus = (struct gpus) {};
	/* libpci exits if this is missing. */
	if (!root_exists("/sys/bus/pci/devices"))
		return -ENOENT;
	pci = open_pci();
	pci_scan_bus(pci);
	for (dev = pci->devices; dev; dev = dev->next) {
		pci_fill_info(dev, PCI_FILL_IDENT | PCI_FILL_CLASS | PCI_FILL_BASES |
				   PCI_FILL_SIZES | PCI_FILL_EXT_CAPS);
		if (!is_candidate(dev))
			continue;
		gpus->v = realloc(gpus->v, (gpus->nr + 1) * sizeof(*gpus->v));
		if (!gpus->v)
			abort();
		gpus->v[gpus->nr] = (struct gpu) {};
		load_gpu(&gpus->v[gpus->nr++], pci, dev);
	}
	pci_cleanup(pci);
	if (gpus->nr)
		qsort(gpus->v, gpus->nr, sizeof(*gpus->v), compare);
	memory_load(gpus);
	keep_gpus(gpus, spec, nr);
	return 0;
}

void gpus_free(struct gpus *gpus)
{
	free(gpus->v);
	*gpus = (struct gpus) {};
}

/* Is the device with that canonical address one of them? */
bool gpus_have(const struct gpus *gpus, const char *bdf)
{
	unsigned int i;

	for (i = 0; i < gpus->nr; i++)
		if (!strcmp(gpus->v[i].bdf, bdf))
			return true;
	return false;
}

static void choose(struct gpus *chosen, const struct gpu *gpu)
{
	if (!gpus_have(chosen, gpu->bdf))
		chosen->v[chosen->nr++] = *gpu;
}

/**
 * gpus_select() - Choose GPUs as the user names them
 * @all: all GPUs
 * @spec: addresses, with or without domain, vendor:device, "all"
 * @nr: number of entries in @spec
 * @chosen: gets copies, each once; to be freed
 *
 * Return: -1, or the index of the first entry of @spec that matches no GPU.
 */
int gpus_select(const struct gpus *all, char **spec, unsigned int nr, struct gpus *chosen)
{
	unsigned int i, j;
	bool found;

	*chosen = (struct gpus) { .v = calloc(all->nr + 1, sizeof(*chosen->v)) };
	if (!chosen->v)
		abort();
	for (i = 0; i < nr; i++) {
		found = false;
		for (j = 0; j < all->nr; j++) {
			if (!gpu_matches(&all->v[j], spec[i]))
				continue;
			choose(chosen, &all->v[j]);
			found = true;
		}
		if (!found)
			return i;
	}
	return -1;
}

static struct json_object *part_json(const struct part *part)
{
	struct json_object *json = json_object_new_object();

	json_add_u64(json, "size", part->size);
	json_add_int(json, "bar", part->bar);
	json_add_u64(json, "bar_size", part->bar_size);
	return json;
}

/* null if only root can tell. */
static struct json_object *users_json(const struct gpu *gpu)
{
	struct json_object *array = NULL, *json;
	struct users users;
	unsigned int i;

	if (users_load(gpu, &users) >= 0)
		array = json_object_new_array();
	for (i = 0; i < users.nr; i++) {
		json = json_object_new_object();
		json_add_int(json, "pid", users.v[i].pid);
		json_add_string(json, "name", users.v[i].name);
		json_add_string(json, "file", users.v[i].file);
		json_object_array_add(array, json);
	}
	users_free(&users);
	return array;
}

static struct json_object *memory_json(const struct gpu *gpu)
{
	struct json_object *json = json_object_new_object();

	json_add_string(json, "source", memory_source_name(gpu->source));
	json_add_null(json, "base size usemem resmem ready resets poisoned_pages");
	if (gpu->has_base)
		json_add_hex(json, "base", gpu->mem_base);
	if (gpu->has_size)
		json_add_u64(json, "size", gpu->mem_size);
	if (gpu->usemem.size) {
		json_object_object_add(json, "usemem", part_json(&gpu->usemem));
		json_object_object_add(json, "resmem", part_json(&gpu->resmem));
	}
	if (gpu->source == MEM_DRIVER) {
		json_add_string(json, "ready", gpu->ready);
		json_add_u64(json, "resets", gpu->resets);
		json_add_u64(json, "poisoned_pages", gpu->poisoned);
	}
	return json;
}

/* Details of a GPU, the same in every document. */
struct json_object *gpu_json(const struct gpu *gpu)
{
	struct json_object *json = json_object_new_object();
	struct json_object *bars = json_object_new_array();
	char id[16];
	int i;

	snprintf(id, sizeof(id), "%04x:%04x", gpu->vendor, gpu->device);
	json_add_string(json, "bdf", gpu->bdf);
	json_add_string(json, "id", id);
	json_add_string(json, "name", gpu->name);
	json_add_string(json, "driver", gpu->driver);
	json_add_string(json, "driver_override", gpu->override);
	json_add_string(json, "persisted", gpu->is_persisted_hidden ? NULL : gpu->persisted);
	json_add_int(json, "iommu_group", gpu->group);
	json_add_string(json, "iommu", gpu->iommu);
	json_add_int(json, "numa_node", gpu->node);
	json_add_string(json, "vfio_device", gpu->vfio_dev);
	json_add_null(json, "mig_fixed cxl");
	if (gpu->has_config) {
		json_add_bool(json, "mig_fixed", gpu->mig_fixed);
		json_add_bool(json, "cxl", gpu->cxl_dvsec);
	}
	for (i = 0; i < NR_BARS; i++)
		json_object_array_add(bars, json_object_new_uint64(gpu->bar_size[i]));
	json_object_object_add(json, "hardware_bars", bars);
	json_object_object_add(json, "memory", memory_json(gpu));
	json_object_object_add(json, "users", users_json(gpu));
	return json;
}
