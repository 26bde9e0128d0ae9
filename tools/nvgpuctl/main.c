// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvgpuctl: common options, and the table of commands.
 */
#include <errno.h>
#include <getopt.h>
#include <unistd.h>

#include "nvgpuctl.h"

struct command {
	const char *name;
	const char *help;
	enum status (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "list", "list the GPUs, as a table or a tree", cmd_list },
	{ "show", "show details of a GPU", cmd_show },
	{ "map", "draw a GPU's memory and BARs", cmd_map },
	{ "bind", "bind a GPU to nvgpu-vfio-pci, or to another driver", cmd_bind },
	{ "unbind", "give a GPU back to the host", cmd_unbind },
	{ "doctor", "check whether GPUs can be assigned to VMs", cmd_doctor },
	{ "gen", "write a VM configuration for QEMU, libvirt, cloud-hypervisor", cmd_gen },
	{ "alias", "show the driver that libvirt would pick", cmd_alias },
	{ "report", "write one file for a bug report", cmd_report },
};

/* Values of long options without a letter. */
enum {
	OPT_SYSROOT = 256,
	OPT_COLOUR,
	OPT_ASCII,
	OPT_NO_HEADINGS,
	OPT_RAW,
	OPT_PAIRS,
};

static const struct option common[] = {
	{ "json", optional_argument, NULL, 'J' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "columns", required_argument, NULL, 'o' },
	{ "sysroot", required_argument, NULL, OPT_SYSROOT },
	{ "color", optional_argument, NULL, OPT_COLOUR },
	{ "ascii", no_argument, NULL, OPT_ASCII },
	{ "noheadings", no_argument, NULL, OPT_NO_HEADINGS },
	{ "raw", no_argument, NULL, OPT_RAW },
	{ "pairs", no_argument, NULL, OPT_PAIRS },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ }
};

#define MAX_OPTIONS 32

static void print_help(FILE *to)
{
	unsigned int i;

	fputs("usage: nvgpuctl COMMAND [OPTION...] [GPU...]\n"
	      "Manages GPUs of a Grace host for assignment to virtual machines.\n"
	      "GPU is a PCI address (0009:01:00.0), vendor:device (10de:2342), or \"all\".\n"
	      "\n", to);
	for (i = 0; i < NR_ITEMS(commands); i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
	fputs("\n"
	      "Options for every command; a command's own: nvgpuctl COMMAND --help\n"
	      "      --json[=compact]    JSON with a versioned schema instead of text\n"
	      "  -n, --dry-run           print writes instead of making them\n"
	      "  -o, --columns LIST      columns of a table\n"
	      "  -q, --quiet             print errors only\n"
	      "      --sysroot DIR       read and write DIR instead of /\n"
	      "      --color[=WHEN]      auto (default), always or never\n"
	      "      --ascii             draw without Unicode (default without a UTF-8 locale)\n"
	      "      --noheadings        tables without headings\n"
	      "      --raw, --pairs      tables for programs: bytes, nothing cut, blanks\n"
	      "                          as \\x20, or a line NAME=\"value\" ... for each row\n"
	      "  -V, --version           version of this program\n"
	      "  -h, --help              this text (also: nvgpuctl help), or the command's\n"
	      "\n"
	      "Exit status: 0 ok, 1 failed and nothing changed, 2 wrong usage,\n"
	      "3 no such GPU, 4 not permitted, 5 busy: in use, or its IOMMU group is not\n"
	      "viable, 6 failed and a GPU could not be put back. doctor: 0 passed,\n"
	      "10 warnings, 11 failures. 77 this machine has no Grace GPU.\n", to);
}

static int set_colour(const char *when)
{
	if (!when || !strcmp(when, "always"))
		out_init(COLOUR_ALWAYS);
	else if (!strcmp(when, "never"))
		out_init(COLOUR_NEVER);
	else if (!strcmp(when, "auto"))
		out_init(COLOUR_AUTO);
	else
		return -EINVAL;
	return 0;
}

static int set_json(const char *style)
{
	opts.json = true;
	if (!style)
		return 0;
	if (strcmp(style, "compact"))
		return -EINVAL;
	opts.is_compact = true;
	return 0;
}

static int set_sysroot(const char *dir)
{
	int ret = root_set(dir);

	if (ret)
		complain("--sysroot %s: %s", dir, strerror(-ret));
	return ret;
}

/* 0, or -EINVAL after a message. */
static int set_common(int opt)
{
	switch (opt) {
	case 'J':
		if (!set_json(optarg))
			return 0;
		complain("--json=%s: must be \"compact\"", optarg);
		return -EINVAL;
	case 'n':
		opts.dry_run = true;
		return 0;
	case 'q':
		opts.quiet = true;
		return 0;
	case 'o':
		opts.columns = optarg;
		return 0;
	case OPT_SYSROOT:
		return set_sysroot(optarg) ? -EINVAL : 0;
	case OPT_COLOUR:
		if (!set_colour(optarg))
			return 0;
		complain("--color=%s: must be auto, always or never", optarg);
		return -EINVAL;
	case OPT_ASCII:
		opts.ascii = true;
		return 0;
	case OPT_NO_HEADINGS:
		opts.no_headings = true;
		return 0;
	case OPT_RAW:
	case OPT_PAIRS:
		opts.table = opt == OPT_RAW ? TABLE_RAW : TABLE_PAIRS;
		return 0;
	default:
		return -EINVAL;
	}
}

static bool is_common(int opt)
{
	return opt >= OPT_SYSROOT ? opt <= OPT_PAIRS : !!strchr("Jnqo?", opt);
}

/**
 * next_option() - Get the next option of a command, handle common ones
 * @argc: of the command
 * @argv: of the command
 * @own: its options, with letters for values; NULL if it has none
 * @help: prints its help; the program then exits, as after --version
 *
 * Return: its value, '?' after a message, -1 at the end.
 */
int next_option(int argc, char **argv, const struct option *own, void (*help)(void))
{
	struct option table[MAX_OPTIONS] = {};
	unsigned int nr = NR_ITEMS(common) - 1;
	int opt;

	memcpy(table, common, sizeof(common));
	for (; own && own->name && nr < MAX_OPTIONS - 1; own++)
		table[nr++] = *own;
	while ((opt = getopt_long(argc, argv, "hnqo:V", table, NULL)) != -1) {
		if (opt == 'V') {
			puts("nvgpuctl " NVGPUCTL_VERSION);
			exit(ST_OK);
		}
		if (opt == 'h') {
			help();
			exit(ST_OK);
		}
		if (!is_common(opt))
			return opt;
		if (opt == '?' || set_common(opt))
			return '?';
	}
	return -1;
}

/**
 * load_and_select() - Find all GPUs and select those on the command line
 * @argc: of the command, options already parsed
 * @argv: of the command
 * @all: all GPUs
 * @chosen: those named, all without a name
 *
 * The next call changes them.
 *
 * Return: ST_OK, or another after a message.
 */
enum status load_and_select(int argc, char **argv, struct gpus **all, struct gpus **chosen)
{
	static struct gpus found, selected;
	char all_of_them[] = "all", *every = all_of_them;
	char **spec = optind < argc ? argv + optind : &every;
	unsigned int nr = optind < argc ? argc - optind : 1;
	int missing;

	gpus_free(&found);
	gpus_free(&selected);
	*all = &found;
	*chosen = &selected;
	if (gpus_load(&found, spec, nr) || (!found.nr && optind >= argc)) {
		complain("this machine has no Grace GPU");
		return ST_NO_GPU;
	}
	missing = gpus_select(&found, spec, nr, &selected);
	if (missing < 0)
		return ST_OK;
	complain("%s: no such GPU; see nvgpuctl list", spec[missing]);
	return ST_NODEV;
}

/* The same but for one letter that is wrong, missing or too many? */
static bool resembles(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return !strcmp(a + !!*a, b) || !strcmp(a, b + !!*b) || !strcmp(a + !!*a, b + !!*b);
}

/* The first word that is not an option is the command; options may precede it. */
static const struct command *find_command(int argc, char **argv, enum status *status)
{
	unsigned int i;
	int opt;

	*status = ST_USAGE;
	while ((opt = getopt_long(argc, argv, "+hnqo:V", common, NULL)) != -1) {
		if (opt == 'h' || opt == 'V') {
			*status = ST_OK;
			if (opt == 'h')
				print_help(stdout);
			else
				puts("nvgpuctl " NVGPUCTL_VERSION);
			return NULL;
		}
		if (opt == '?' || set_common(opt))
			return NULL;
	}
	if (optind >= argc) {
		print_help(stderr);
		return NULL;
	}
	if (!strcmp(argv[optind], "help")) {
		*status = ST_OK;
		print_help(stdout);
		return NULL;
	}
	for (i = 0; i < NR_ITEMS(commands); i++)
		if (!strcmp(commands[i].name, argv[optind]))
			return &commands[i];
	for (i = 0; i < NR_ITEMS(commands) && !resembles(commands[i].name, argv[optind]); i++)
		;
	complain("unknown command \"%s\": %s%s", argv[optind],
		 i < NR_ITEMS(commands) ? "did you mean " : "see nvgpuctl --help",
		 i < NR_ITEMS(commands) ? commands[i].name : "");
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *command;
	enum status status;
	int first;

	out_init(COLOUR_AUTO);
	command = find_command(argc, argv, &status);
	if (!command)
		return status;
	first = optind;
	/* 0 restarts getopt, on the command's words. */
	optind = 0;
	status = command->run(argc - first, argv + first);
	if (fflush(stdout) || ferror(stdout)) {
		complain("writing the output failed: %s", strerror(errno));
		return ST_FAILED;
	}
	return status;
}
