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

/* What was seen is beside the name of the check, or below it in a narrow terminal. */
#define SEEN_COLUMN (opts.width < 64 ? 6 : 25)
#define GUEST_MEMORY_DEFAULT (16 * SZ_G)

static const struct check *const all_checks[] = {
	host_checks, module_checks, iommu_checks, memory_checks, driver_checks, vmm_checks,
};

static const char *const verdict_name[NR_VERDICTS] = { "PASS", "WARN", "FAIL", "SKIP" };
static const enum paint verdict_paint[NR_VERDICTS] = {
	PAINT_GREEN, PAINT_YELLOW, PAINT_RED, PAINT_DIM
};

/* Stands for the address of the finding's GPU. */
#define GPU_MARK '\1'

/**
 * struct found - a finding, of one or more GPUs that have it in common
 * @check: its check
 * @verdict: its verdict
 * @seen: the observation
 * @todo: what to do, NULL if nothing
 * @gpus: the addresses, separated by blanks
 */
struct found {
	const struct check *check;
	enum verdict verdict;
	char *seen;
	char *todo;
	char gpus[512];
};

static struct found *found;
static unsigned int nr_found;

/* The running check, to which findings belong. */
static const struct check *now_check;
static const struct gpu *now_gpu;
static unsigned int count[NR_VERDICTS];
static struct json_object *findings;
/* Checks that the user chose, and those to leave out: names, or what they begin with. */
static const char *only, *ignore;

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
	     "  --only LIST     these checks only, such as host,memory.ready\n"
	     "  --ignore LIST   not these checks\n"
	     "  -q, --quiet     warnings and failures only\n"
	     "\n"
	     "Checks:");
	for (i = 0; i < NR_ITEMS(all_checks); i++)
		for (check = all_checks[i]; check->id; check++)
			printf("  %-18s %s\n", check->id, check->help);
	puts("\nExit status: 0 passed, 10 warnings, 11 failures, 2 wrong usage, 3 no such GPU,\n"
	     "77 no Grace GPU.");
}

/* @text with the address of the GPU replaced by the mark, to be freed. */
static char *marked(const char *text)
{
	char *copy = text ? strdup(text) : NULL, *at = copy, *rest;

	while (now_gpu && at && (at = strstr(at, now_gpu->bdf))) {
		*at++ = GPU_MARK;
		rest = at + strlen(now_gpu->bdf) - 1;
		memmove(at, rest, strlen(rest) + 1);
	}
	return copy;
}

/* The text again, with the addresses of all GPUs for the mark. */
static void unmark(char *buf, size_t len, const char *text, const char *gpus)
{
	size_t used = 0;

	for (buf[0] = '\0'; *text && used < len; text++)
		used += *text == GPU_MARK ? snprintf(buf + used, len - used, "%s", gpus) :
					    snprintf(buf + used, len - used, "%c", *text);
}

/* A path has one address, a command may have several. */
static bool is_for_several(const char *todo)
{
	const char *at = todo ? strchr(todo, GPU_MARK) : NULL;

	return !at || (at > todo && at[-1] == ' ' && (!at[1] || at[1] == ' '));
}

static void print_found(const struct found *one)
{
	char text[1024];
	int n;

	if (opts.quiet && (one->verdict == PASS || one->verdict == SKIP))
		return;
	printf("%s%s%s  %-*s", paint(verdict_paint[one->verdict]), verdict_name[one->verdict],
	       paint(PAINT_OFF), SEEN_COLUMN - 6, one->check->id);
	if (SEEN_COLUMN == 6)
		printf("\n%6s", "");
	n = snprintf(text, sizeof(text), "%s%s", one->gpus, one->gpus[0] ? ": " : "");
	unmark(text + n, sizeof(text) - n, one->seen, one->gpus);
	out_wrapped(text, SEEN_COLUMN);
	if (!one->todo)
		return;
	printf("%*s-> ", SEEN_COLUMN, "");
	unmark(text, sizeof(text), one->todo, one->gpus);
	out_wrapped(text, SEEN_COLUMN + 3);
}

static void add_finding(enum verdict verdict, const char *seen, const char *todo)
{
	struct found new = { now_check, verdict, marked(seen), marked(todo), "" };
	struct found *last;
	unsigned int i;

	for (i = 0; now_gpu && i < nr_found; i++) {
		last = &found[i];
		if (last->check != now_check || last->verdict != verdict ||
		    strcmp(last->seen, new.seen) || !last->todo != !todo ||
		    (todo && strcmp(last->todo, new.todo)) || !is_for_several(new.todo) ||
		    !is_for_several(new.seen))
			continue;
		snprintf(last->gpus + strlen(last->gpus), sizeof(last->gpus) - strlen(last->gpus),
			 " %s", now_gpu->bdf);
		free(new.seen);
		free(new.todo);
		return;
	}
	snprintf(new.gpus, sizeof(new.gpus), "%s", now_gpu ? now_gpu->bdf : "");
	found = realloc(found, (nr_found + 1) * sizeof(*found));
	if (!found)
		abort();
	found[nr_found++] = new;
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
	add_finding(verdict, text, todo);
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

	patient->config = kernel_config();
	len = root_load(&data, "/proc/iomem");
	patient->has_iomem = len > 0 && !iomem_parse(data, &patient->iomem) &&
			     !iomem_is_hidden(&patient->iomem);
}

/* Is @id, or the word before its dot, in a list separated by commas? */
static bool list_has(const char *list, const char *id)
{
	size_t n;

	for (; *list; list += n + !!list[n]) {
		n = strcspn(list, ",");
		if (n && !strncmp(list, id, n) && (!id[n] || id[n] == '.'))
			return true;
	}
	return false;
}

static void run_check(const struct patient *patient, const struct check *check)
{
	unsigned int i;

	if ((only && !list_has(only, check->id)) || (ignore && list_has(ignore, check->id)))
		return;
	now_check = check;
	now_gpu = NULL;
	if (check->host)
		check->host(patient);
	for (i = 0; check->gpu && i < patient->chosen->nr; i++) {
		now_gpu = &patient->chosen->v[i];
		check->gpu(patient, now_gpu);
	}
}

/* What is wrong first, in the order in which it is to be mended. */
static void print_text(void)
{
	static const enum verdict order[] = { FAIL, WARN, SKIP, PASS };
	const struct found *first = NULL;
	char text[1024];
	unsigned int i, j;

	for (i = 0; i < NR_ITEMS(order); i++) {
		for (j = 0; j < nr_found; j++) {
			if (found[j].verdict != order[i])
				continue;
			if (!first && found[j].todo && order[i] != SKIP)
				first = &found[j];
			print_found(&found[j]);
		}
	}
	if (opts.quiet)
		return;
	snprintf(text, sizeof(text), "%u passed, %u warnings, %u failures, %u skipped",
		 count[PASS], count[WARN], count[FAIL], count[SKIP]);
	out_wrapped(text, 0);
	if (first) {
		unmark(text, sizeof(text), first->todo, first->gpus);
		printf("first: ");
		out_wrapped(text, 7);
	}
}

static void print_json(void)
{
	struct json_object *document = json_document("nvgpu.doctor/1");
	struct json_object *sum = json_object_new_object();
	unsigned int i;

	for (i = 0; i < NR_VERDICTS; i++)
		json_add_int(sum, verdict_name[i], count[i]);
	json_object_object_add(document, "count", sum);
	json_object_object_add(document, "findings", json_object_get(findings));
	json_put_out(document);
}

/* Each word of a list names a check. */
static bool set_list(void *value, const char *list)
{
	const struct check *check;
	bool is_known;
	unsigned int i;
	size_t n;

	*(const char **)value = list;
	for (; *list; list += n + !!list[n]) {
		char *word __free(pointer) = strndup(list, n = strcspn(list, ","));

		is_known = false;
		for (i = 0; i < NR_ITEMS(all_checks); i++)
			for (check = all_checks[i]; check->id; check++)
				is_known |= list_has(word, check->id);
		if (!is_known)
			return false;
	}
	return true;
}

static void found_free(void)
{
	while (nr_found--) {
		free(found[nr_found].seen);
		free(found[nr_found].todo);
	}
	free(found);
	found = NULL;
	nr_found = 0;
	memset(count, 0, sizeof(count));
	json_object_put(findings);
}

static enum status run(const struct gpus *all, const struct gpus *chosen, __u64 guest_memory)
{
	struct patient patient = {
		.gpus = all, .chosen = chosen, .guest_memory = guest_memory
	};
	const struct check *check;
	enum status status;
	unsigned int i;

	findings = json_object_new_array();
	load_patient(&patient);
	for (i = 0; i < NR_ITEMS(all_checks); i++)
		for (check = all_checks[i]; check->id; check++)
			run_check(&patient, check);
	if (opts.json)
		print_json();
	else
		print_text();
	free(patient.config);
	iomem_free(&patient.iomem);
	status = count[FAIL] ? ST_FAILURES : count[WARN] ? ST_WARNINGS : ST_OK;
	found_free();
	return status;
}

#define LIST "names of checks or of their groups, as nvgpuctl doctor --help lists them"

enum status cmd_doctor(int argc, char **argv)
{
	__u64 guest_memory = GUEST_MEMORY_DEFAULT;
	const struct setting own[] = {
		{ "memory", "a size such as 16G", required_argument, set_size, &guest_memory },
		{ "only", LIST, required_argument, set_list, &only },
		{ "ignore", LIST, required_argument, set_list, &ignore },
		{ }
	};
	struct gpus *all, *chosen;
	enum status status;

	if (!settings_parse(own, argc, argv, print_help))
		return ST_USAGE;
	status = load_and_select(argc, argv, &all, &chosen);
	if (status == ST_OK)
		status = run(all, chosen, guest_memory);
	return status;
}
