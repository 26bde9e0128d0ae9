// SPDX-License-Identifier: GPL-2.0-only
/*
 * Identity attributes of extended GPU memory that are no numbers: addresses and a list.
 * Read-only while the GPU is plugged in.
 */
#include <linux/string.h>
#include <linux/sysfs.h>

#include "sim.h"

static int store_place(struct sim_gpu *gpu, struct sim_place *place, const char *page)
{
	struct sim_place val = { .kind = SIM_PLACE_AT };

	if (sysfs_streq(page, "auto"))
		val.kind = SIM_PLACE_AUTO;
	else if (sysfs_streq(page, "none"))
		val.kind = SIM_PLACE_NONE;
	else if (sim_parse_number(page, U64_MAX, &val.at))
		return -EINVAL;
	guard(mutex)(&gpu->mutex);
	if (gpu->state != SIM_OFF)
		return -EBUSY;
	*place = val;
	return 0;
}

static ssize_t show_place(struct sim_gpu *gpu, const struct sim_place *place, char *page)
{
	guard(mutex)(&gpu->mutex);
	if (place->kind == SIM_PLACE_AT)
		return sysfs_emit(page, "0x%llx\n", place->at);
	return sysfs_emit(page, "%s\n", place->kind == SIM_PLACE_AUTO ? "auto" : "none");
}

#define SIM_PLACE_SHOW(_name, _field)						\
static ssize_t sim_gpu_##_name##_show(struct config_item *item, char *page)	\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
										\
	return show_place(gpu, &gpu->identity._field, page);			\
}

#define SIM_PLACE_STORE(_name, _field)						\
static ssize_t sim_gpu_##_name##_store(struct config_item *item,		\
				       const char *page, size_t count)		\
{										\
	struct sim_gpu *gpu = to_sim_gpu(item);					\
	int ret = store_place(gpu, &gpu->identity._field, page);			\
										\
	return ret ? ret : count;						\
}

SIM_PLACE_SHOW(egm_base, egm_base)
SIM_PLACE_STORE(egm_base, egm_base)
CONFIGFS_ATTR(sim_gpu_, egm_base);

SIM_PLACE_SHOW(egm_table, egm_table)
SIM_PLACE_STORE(egm_table, egm_table)
CONFIGFS_ATTR(sim_gpu_, egm_table);

static ssize_t sim_gpu_egm_retired_show(struct config_item *item, char *page)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	ssize_t len = 0;
	unsigned int i;

	guard(mutex)(&gpu->mutex);
	for (i = 0; i < gpu->identity.egm_nr_retired; i++)
		len += sysfs_emit_at(page, len, "0x%llx\n", gpu->identity.egm_retired[i]);
	return len;
}

static ssize_t sim_gpu_egm_retired_store(struct config_item *item, const char *page, size_t count)
{
	struct sim_gpu *gpu = to_sim_gpu(item);
	u64 val[SIM_EGM_RETIRED];
	unsigned int nr = 0;
	char *end;

	for (page = skip_spaces(page); *page; page = skip_spaces(*end == ',' ? end + 1 : end)) {
		if (nr == SIM_EGM_RETIRED)
			return -EINVAL;
		val[nr++] = memparse(page, &end);
		if (end == page)
			return -EINVAL;
	}
	guard(mutex)(&gpu->mutex);
	if (gpu->state != SIM_OFF)
		return -EBUSY;
	memcpy(gpu->identity.egm_retired, val, nr * sizeof(*val));
	gpu->identity.egm_nr_retired = nr;
	gpu->identity.egm_count = nr;
	return count;
}
CONFIGFS_ATTR(sim_gpu_, egm_retired);

struct configfs_attribute *sim_egm_attrs[] = {
	&sim_gpu_attr_egm_base,
	&sim_gpu_attr_egm_table,
	&sim_gpu_attr_egm_retired,
	NULL
};
