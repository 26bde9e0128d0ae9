// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer: sequences of random operations on the GPU of the environment until a
 * limit is reached or the device does what the model does not allow. Prints TAP.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gpu_target.h"
#include "sequence.h"

#define EXIT_DIFFERS	1
#define EXIT_USAGE	2

#define DEFAULT_OPS	100000
#define SEQUENCE_LEN	20000
#define MAX_REPLAY	100000
#define REPORT_S	30

/**
 * struct options - the command line
 * @name: what the results are called
 * @seed: of the first sequence; the next ones have those that follow
 * @ops: operations to do, 0 for no limit
 * @seconds: time to take, 0 for no limit
 * @replay: file to replay instead, or NULL
 */
struct options {
	const char *name;
	__u64 seed;
	__u64 ops;
	__u64 seconds;
	const char *replay;
};

static const char help[] =
	"usage: fuzz [--seed N] [--ops N] [--seconds N] [--name NAME]\n"
	"       fuzz --replay FILE\n"
	"Does random operations on the vfio device NVGPU_BDF, a GPU simulated by NVGPU_SIM,\n"
	"and compares each outcome with a model. The first difference is shrunk to a short\n"
	"reproducer, which --replay takes. tools/test/fuzz/run-fuzz makes the GPUs.\n"
	"\n"
	"  --seed N      begin with this seed (default: from the clock); seeds are printed\n"
	"  --ops N       how many operations (default: 100000, without --seconds)\n"
	"  --seconds N   how long\n"
	"  --replay FILE the operations in this file, one a line, # begins a comment\n"
	"  --name NAME   what the result is called\n"
	"\n"
	"Exit status: 0 no difference, 1 a difference or an error, 2 wrong usage.\n";

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec;
}

/* Lines for --replay; TAP ignores what it does not know. */
static void print_ops(const struct sequence *seq)
{
	char text[OP_TEXT_LEN];
	__u8 data[16];
	size_t i, j, len;

	for (i = 0; i < seq->nr; i++) {
		op_print(&seq->op[i], text, sizeof(text));
		printf("  %s", text);
		if (op_has_data(&seq->op[i]) && seq->op[i].len) {
			len = seq->op[i].len < sizeof(data) ? seq->op[i].len : sizeof(data);
			op_fill(&seq->op[i], data, len);
			printf("\t# bytes");
			for (j = 0; j < len; j++)
				printf(" %02x", data[j]);
			printf("%s", len < seq->op[i].len ? " ..." : "");
		}
		printf("\n");
	}
}

/* Says what is wrong, and gives the least that shows it. */
static void report(struct sequence *seq, struct target *target, __u64 seed)
{
	char text[OP_TEXT_LEN];

	op_print(&seq->op[seq->nr - 1], text, sizeof(text));
	printf("# seed %llu, operation %zu: %s: %s; shrinking ...\n", seed, seq->nr, text,
	       seq->why);
	fflush(stdout);
	if (!sequence_shrink(seq, target)) {
		printf("# the same %zu operations went well when they were repeated\n", seq->nr);
		return;
	}
	op_print(&seq->op[seq->nr - 1], text, sizeof(text));
	printf("# reproducer, %zu operations:\n", seq->nr);
	print_ops(seq);
	printf("# %s: %s\n", text, seq->why);
}

/* Variants with one seed are to do different things. */
static __u64 seed_of(const struct options *options, __u64 seed)
{
	__u64 hash = 0;
	const char *p;

	for (p = options->name; *p; p++)
		hash = hash * 31 + (__u8)*p;
	return seed + (hash << 32);
}

/* Of a host that hangs or panics this is what is left of a sequence. */
static void announce(const struct options *options, struct target *target, __u64 seed)
{
	char text[128];

	target->seed = seed;
	snprintf(text, sizeof(text), "<6>fuzz: %s: seed %llu\n", options->name, seed);
	__file_write("/dev/kmsg", text);
}

/*
 * The flags of a kernel that has warned or worse are never taken back, so nothing can
 * be shrunk: what is left to say is in which sequence it was, or beside which.
 */
static bool kernel_is_fine(struct target *target)
{
	static char before[64];
	char flags[64];

	if (__file_read("/proc/sys/kernel/tainted", flags, sizeof(flags)))
		die("the kernel does not say whether it is tainted");
	if (!before[0])
		strcpy(before, flags);
	if (!strcmp(flags, before))
		return true;
	printf("# seed %llu: the kernel's taint flags went from %s to %s, see its log\n",
	       target->seed, before, flags);
	return false;
}

/* One sequence, of which @done is told the length. Return: whether all was well. */
static bool fuzz_sequence(const struct options *options, struct target *target,
			  struct sequence *seq, __u64 seed, __u64 *done)
{
	bool same;

	announce(options, target, seed);
	same = sequence_generate(seq, target, seed_of(options, seed));
	*done += seq->nr;
	if (!same)
		report(seq, target, seed);
	return kernel_is_fine(target) && same;
}

static void result(bool good, const char *name, const char *text)
{
	printf("1..1\n%sok 1 %s: %s\n", good ? "" : "not ", name, text);
}

static bool is_over(const struct options *options, __u64 done, __u64 begin)
{
	return (options->ops && done >= options->ops) ||
	       (options->seconds && now() - begin >= options->seconds);
}

static int fuzz(const struct options *options, struct target *target)
{
	__u64 begin = now(), reported = begin, seed = options->seed, done = 0;
	struct sequence seq;
	char text[128];
	bool same = true;

	sequence_init(&seq, SEQUENCE_LEN);
	while (same && !is_over(options, done, begin)) {
		if (options->ops && options->ops - done < seq.max)
			seq.max = (size_t)(options->ops - done);
		same = fuzz_sequence(options, target, &seq, seed, &done);
		if (same && now() - reported >= REPORT_S) {
			reported = now();
			printf("# %s: %llu operations, next seed %llu\n", options->name,
			       done, seed + 1);
			fflush(stdout);
		}
		seed++;
	}
	sequence_free(&seq);
	snprintf(text, sizeof(text), "%llu operations in %llu s, seeds %llu to %llu", done,
		 now() - begin, options->seed, seed - 1);
	result(same, options->name, text);
	return same ? 0 : EXIT_DIFFERS;
}

/* Return: how many operations the file has; ends the program if it has a bad line. */
static size_t read_ops(const char *path, struct op *op, size_t max)
{
	char line[OP_TEXT_LEN];
	unsigned int number = 0;
	const char *error;
	size_t nr = 0;
	FILE *f;

	f = fopen(path, "re");
	if (!f) {
		fprintf(stderr, "fuzz: %s: %s\n", path, strerror(errno));
		exit(EXIT_USAGE);
	}
	while (nr < max && fgets(line, sizeof(line), f)) {
		number++;
		line[strcspn(line, "#\n")] = '\0';
		if (!line[strspn(line, " \t")])
			continue;
		error = op_parse(&op[nr++], line);
		if (error) {
			fprintf(stderr, "fuzz: %s, line %u: \"%s\": %s\n", path, number, line,
				error);
			exit(EXIT_USAGE);
		}
	}
	fclose(f);
	return nr;
}

static int replay(const struct options *options, struct target *target)
{
	struct sequence ops, seq;
	char text[64];
	bool same;

	sequence_init(&ops, MAX_REPLAY);
	ops.nr = read_ops(options->replay, ops.op, ops.max);
	sequence_init(&seq, ops.nr + 1);
	same = sequence_replay(&seq, target, ops.op, ops.nr);
	print_ops(&seq);
	if (!same)
		printf("# differs at the last: %s\n", seq.why);
	same = kernel_is_fine(target) && same;
	snprintf(text, sizeof(text), "%zu operations replayed", seq.nr);
	result(same, options->name, text);
	sequence_free(&seq);
	sequence_free(&ops);
	return same ? 0 : EXIT_DIFFERS;
}

static __u64 to_number(const char *option, const char *text)
{
	char *end;
	__u64 val;

	errno = 0;
	val = strtoull(text, &end, 0);
	if (end != text && !*end && !errno && *text != '-')
		return val;
	fprintf(stderr, "fuzz: --%s %s: not a number; see --help\n", option, text);
	exit(EXIT_USAGE);
}

static void parse(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "ops", required_argument, NULL, 'o' },
		{ "seconds", required_argument, NULL, 't' },
		{ "replay", required_argument, NULL, 'r' },
		{ "name", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, index;

	while ((c = getopt_long(argc, argv, "", longs, &index)) != -1) {
		switch (c) {
		case 's':
			options->seed = to_number("seed", optarg);
			break;
		case 'o':
			options->ops = to_number("ops", optarg);
			break;
		case 't':
			options->seconds = to_number("seconds", optarg);
			break;
		case 'r':
			options->replay = optarg;
			break;
		case 'n':
			options->name = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "fuzz: %s: too many arguments; see --help\n", argv[optind]);
		exit(EXIT_USAGE);
	}
	if (!options->ops && !options->seconds)
		options->ops = DEFAULT_OPS;
}

int main(int argc, char **argv)
{
	struct options options = { .name = "fuzz", .seed = (__u64)time(NULL) };
	struct target *target;

	parse(&options, argc, argv);
	target = gpu_target_new();
	kernel_is_fine(target);
	if (options.replay)
		return replay(&options, target);
	printf("# %s: seed %llu\n", options.name, options.seed);
	fflush(stdout);
	return fuzz(&options, target);
}
