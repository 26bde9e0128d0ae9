/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks of the doctor. A check inspects the host or one GPU and reports one or more
 * findings, each with the observation and, unless it passed, what to do.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include "nvgpuctl.h"

enum verdict {
	PASS,
	WARN,
	FAIL,
	SKIP,
	NR_VERDICTS,
};

/**
 * struct patient - input of the checks
 * @gpus: all GPUs of the machine
 * @chosen: the GPUs to check
 * @config: the kernel's configuration, or NULL
 * @iomem: /proc/iomem
 * @has_iomem: @iomem is valid and has addresses
 * @guest_memory: RAM of the planned VM, in bytes
 */
struct patient {
	const struct gpus *gpus;
	const struct gpus *chosen;
	char *config;
	struct iomem iomem;
	bool has_iomem;
	__u64 guest_memory;
};

/**
 * struct check - one check
 * @id: stable name, for scripts
 * @help: one line of help
 * @host: checks the host, or NULL
 * @gpu: checks each chosen GPU, or NULL
 */
struct check {
	const char *id;
	const char *help;
	void (*host)(const struct patient *patient);
	void (*gpu)(const struct patient *patient, const struct gpu *gpu);
};

extern const struct check host_checks[];
extern const struct check module_checks[];
extern const struct check iommu_checks[];
extern const struct check memory_checks[];
extern const struct check driver_checks[];
extern const struct check vmm_checks[];

void finding(enum verdict verdict, const char *todo, const char *seen, ...) FORMAT(3, 4);
bool config_is_on(const struct patient *patient, const char *symbol);

#endif /* DOCTOR_H */
