// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU groups: their members decide whether a GPU can be assigned to a VM.
 */
#include <errno.h>

#include "nvgpuctl.h"

/* Drivers with driver_managed_dma, which leave the group viable. */
static bool driver_is_harmless(const char *driver)
{
	static const char *const harmless[] = { "", "pcieport", "pci-stub" };
	size_t len = strlen(driver);
	unsigned int i;

	for (i = 0; i < NR_ITEMS(harmless); i++)
		if (!strcmp(driver, harmless[i]))
			return true;
	/* vfio-pci and variant drivers, by the kernel's naming convention. */
	return strstr(driver, "vfio") && len < sizeof(((struct member *)0)->driver);
}

static void load_member(struct member *member, const char *bdf)
{
	snprintf(member->bdf, sizeof(member->bdf), "%s", bdf);
	root_link(member->driver, sizeof(member->driver), "/sys/bus/pci/devices/%s/driver", bdf);
	root_read(member->class, sizeof(member->class), "/sys/bus/pci/devices/%s/class", bdf);
	member->is_bridge = !strncmp(member->class, "0x06", 4);
	member->blocks = !driver_is_harmless(member->driver);
}

/**
 * group_load() - List the members of an IOMMU group
 * @id: its number
 * @group: gets them; to be freed
 *
 * Return: 0 or a negative errno.
 */
int group_load(int id, struct group *group)
{
	struct names names;
	unsigned int i;
	int ret;

	*group = (struct group) {};
	ret = root_names(&names, "/sys/kernel/iommu_groups/%d/devices", id);
	if (ret)
		return ret;
	group->v = calloc(names.nr + 1, sizeof(*group->v));
	if (!group->v)
		abort();
	for (i = 0; i < names.nr; i++)
		load_member(&group->v[group->nr++], names.name[i]);
	names_free(&names);
	return 0;
}

void group_free(struct group *group)
{
	free(group->v);
	*group = (struct group) {};
}

/* The first other member that makes the group not viable, or NULL. */
const struct member *group_blocker(const struct group *group, const char *bdf)
{
	unsigned int i;

	for (i = 0; i < group->nr; i++)
		if (group->v[i].blocks && strcmp(group->v[i].bdf, bdf))
			return &group->v[i];
	return NULL;
}
