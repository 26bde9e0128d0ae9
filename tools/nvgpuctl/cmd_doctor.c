// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl doctor: runs the checks, prints the findings, counts them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdarg.h>

#include "doctor.h"

/* Width of the verdict and the name of the check. */
#define SEEN_COLUMN 25
#define GUEST_MEMORY_DEFAULT (16 * SZ_G)

static const struct check *const all_checks[] = {
	host_checks, module_checks, iommu_checks, memory_checks, driver_checks, vmm_checks,
};

static const char *const verdict_name[NR_VERDICTS] = { "PASS", "WARN", "FAIL", "SKIP" };
static const enum paint verdict_paint[NR_VERDICTS] = {
	PAINT_GREEN, PAINT_YELLOW, PAINT_RED, PAINT_DIM
};

/* The running check, to which findings belong. */
static const struct check *now_check;
static const struct gpu *now_gpu;
static unsigned int count[NR_VERDICTS];
static struct json_object *findings;

static void print_help(void)
{
	const struct check *check;
	unsigned int i;

	puts("usage: nvgpuctl doctor [OPTION...] [GPU...]\n"
	     "Checks whether the GPUs of this host, or the given ones, can be assigned to\n"
	     "virtual machines. A finding is PASS, WARN, FAIL or SKIP (cannot be checked), and\n"
	     "has the value and what to do. Changes nothing. Run it as root: other users get\n"
	     "SKIP for many checks.\n"
	     "\n"
	     "  --memory SIZE   RAM of the VM, for the limit of locked memory (default 16G)\n"
	     "  -q, --quiet     warnings and failures only\n"
	     "\n"
	     "Checks:");
	for (i = 0; i < NR_ITEMS(all_checks); i++)
		for (check = all_checks[i]; check->id; check++)
			printf("  %-18s %s\n", check->id, check->help);
	puts("\nExit status: 0 passed, 10 warnings, 11 failures, 2 wrong usage, 3 no such GPU,\n"
	     "77 no Grace GPU.");
}

static void print_finding(enum verdict verdict, const char *seen, const char *todo)
{
	char text[1024];

	if (opts.quiet && (verdict == PASS || verdict == SKIP))
		return;
	printf("%s%s%s  %-18s ", paint(verdict_paint[verdict]), verdict_name[verdict],
	       paint(PAINT_OFF), now_check->id);
	snprintf(text, sizeof(text),
		 "%s%s%s",
		 now_gpu ? now_gpu->bdf : "", now_gpu ? ": " : "", seen);
	out_wrapped(text, SEEN_COLUMN);
	if (!todo)
		return;
	printf("%*s", SEEN_COLUMN, "");
	snprintf(text, sizeof(text), "-> %s", todo);
	out_wrapped(text, SEEN_COLUMN + 3);
}

/**
 * finding() - Report a finding of the running check
 * @verdict: its verdict
 * @todo: what to do, NULL if nothing
 * @seen: the observation
 */
void finding(enum verdict verdict, const char *todo, const char *seen, ...)
{
	char *text __free(pointer) = NULL;
	struct json_object *json = json_object_new_object();
	va_list args;

	va_start(args, seen);
	if (vasprintf(&text, seen, args) < 0)
		abort();
	va_end(args);
	count[verdict]++;
	json_add_string(json, "check", now_check->id);
	json_add_string(json, "gpu", now_gpu ? now_gpu->bdf : NULL);
	json_add_string(json, "verdict", verdict_name[verdict]);
	json_add_string(json, "seen", text);
	json_add_string(json, "todo", todo);
	json_object_array_add(findings, json);
	if (!opts.json)
		print_finding(verdict, text, todo);
}

/* Distributions install a file; the kernel has one with IKCONFIG_PROC. */
static void load_config(struct patient *patient)
{
	if (root_load(&patient->config, "/boot/config-%s", kernel_release()) < 0 &&
	    root_load(&patient->config, "/lib/modules/%s/config", kernel_release()) < 0)
		root_load_gz(&patient->config, "/proc/config.gz");
}

bool config_is_on(const struct patient *patient, const char *symbol)
{
	char value[16];

	return !parse_config(patient->config, symbol, value, sizeof(value)) &&
	       (!strcmp(value, "y") || !strcmp(value, "m"));
}

static void load_patient(struct patient *patient)
{
	char *data __free(pointer) = NULL;
	ssize_t len;

	load_config(patient);
	len = root_load(&data, "/proc/iomem");
	patient->has_iomem = len > 0 && !iomem_parse(data, &patient->iomem) &&
			     !iomem_is_hidden(&patient->iomem);
}

static void run_check(const struct patient *patient, const struct check *check)
{
	unsigned int i;

	now_check = check;
	now_gpu = NULL;
	if (check->host)
		check->host(patient);
	for (i = 0; check->gpu && i < patient->chosen->nr; i++) {
		now_gpu = &patient->chosen->v[i];
		check->gpu(patient, now_gpu);
	}
}

static void print_summary(void)
{
	struct json_object *document, *sum;
	unsigned int i;

	if (!opts.json) {
		say("%u passed, %u warnings, %u failures, %u skipped", count[PASS], count[WARN],
		    count[FAIL], count[SKIP]);
		json_object_put(findings);
		return;
	}
	document = json_document("nvgpu.doctor/1");
	sum = json_object_new_object();
	for (i = 0; i < NR_VERDICTS; i++)
		json_add_int(sum, verdict_name[i], count[i]);
	json_object_object_add(document, "count", sum);
	json_add_array(document, "findings", findings);
	json_put_out(document);
}

static enum status run(const struct gpus *all, const struct gpus *chosen, __u64 guest_memory)
{
	struct patient patient = {
		.gpus = all, .chosen = chosen, .guest_memory = guest_memory
	};
	const struct check *check;
	unsigned int i;

	findings = json_object_new_array();
	load_patient(&patient);
	for (i = 0; i < NR_ITEMS(all_checks); i++)
		for (check = all_checks[i]; check->id; check++)
			run_check(&patient, check);
	print_summary();
	free(patient.config);
	iomem_free(&patient.iomem);
	if (count[FAIL])
		return ST_FAILURES;
	return count[WARN] ? ST_WARNINGS : ST_OK;
}

enum status cmd_doctor(int argc, char **argv)
{
	static const struct option own[] = {
		{ "memory", required_argument, NULL, 'm' },
		{ }
	};
	__u64 guest_memory = GUEST_MEMORY_DEFAULT;
	struct gpus *all, *chosen;
	enum status status;
	int opt;

	while ((opt = next_option(argc, argv, own, print_help)) != -1) {
		if (opt != 'm')
			return ST_USAGE;
		if (!parse_size(optarg, &guest_memory)) {
			complain("--memory %s: not a size such as 16G", optarg);
			return ST_USAGE;
		}
	}
	status = load_and_select(argc, argv, &all, &chosen);
	if (status == ST_OK)
		status = run(all, chosen, guest_memory);
	return status;
}
