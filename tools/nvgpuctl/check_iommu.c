// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the IOMMU: groups, and SMMUs shared by GPUs.
 */
#include "doctor.h"

static void check_group(const struct patient *patient,
			const struct gpu *gpu)
{
	if (gpu->group < 0)
		finding(FAIL,
			"enable the SMMU in the firmware's setup; boot without iommu=off and arm-smmu-v3.disable_bypass=0",
			"no IOMMU group: the GPU cannot be assigned to a VM");
	else
		finding(PASS, NULL, "IOMMU group %d behind %s", gpu->group,
			gpu->iommu[0] ? gpu->iommu : "an unnamed IOMMU");
}

static void check_viable(const struct patient *patient,
			 const struct gpu *gpu)
{
	const struct member *blocker;
	struct group group;
	char todo[192];

	if (gpu->group < 0 || group_load(gpu->group, &group)) {
		finding(SKIP, NULL, "the members of its group are unknown");
		return;
	}
	blocker = group_blocker(&group, gpu->bdf);
	if (blocker && gpus_have(patient->gpus, blocker->bdf)) {
		snprintf(todo, sizeof(todo), "nvgpuctl bind %s %s", gpu->bdf, blocker->bdf);
		finding(FAIL, todo, "group %d is not viable: %s, a GPU as well, is bound to %s",
			gpu->group, blocker->bdf, blocker->driver);
	} else if (blocker) {
		snprintf(todo, sizeof(todo),
			 "driverctl set-override %s none, or echo %s > /sys/bus/pci/drivers/%s/unbind",
			 blocker->bdf, blocker->bdf, blocker->driver);
		finding(FAIL, todo, "group %d is not viable: %s is bound to %s", gpu->group,
			blocker->bdf, blocker->driver);
	} else {
		finding(PASS, NULL, "group %d is viable, %u function%s in it", gpu->group, group.nr,
			group.nr == 1 ? "" : "s");
	}
	group_free(&group);
}

static void check_shared(const struct patient *patient, const struct gpu *gpu)
{
	unsigned int i;

	if (!gpu->iommu[0]) {
		finding(SKIP, NULL, "its IOMMU is unknown");
		return;
	}
	for (i = 0; i < patient->gpus->nr; i++) {
		const struct gpu *other = &patient->gpus->v[i];

		if (!strcmp(other->bdf, gpu->bdf) || strcmp(other->iommu, gpu->iommu))
			continue;
		finding(WARN,
			"assign both to one VM, or to VMs without a guest SMMU (gen without --smmu)",
			"shares %s with %s: one guest SMMU maps to one host SMMU", gpu->iommu,
			other->bdf);
		return;
	}
	finding(PASS, NULL, "no other GPU is behind %s", gpu->iommu);
}

const struct check iommu_checks[] = {
	{ "iommu.group", "the GPU has an IOMMU group", NULL, check_group },
	{ "iommu.viable", "the IOMMU group is viable", NULL, check_viable },
	{ "iommu.shared", "GPUs that share an SMMU", NULL, check_shared },
	{ }
};
