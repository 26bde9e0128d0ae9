// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz SECONDS [SEED]: feeds mutations of valid input to every parser. Sanitizers
 * detect errors; each input has a heap block of its own size, so that they detect
 * reads beyond it.
 */
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "../nvgpuctl.h"

#define INPUT_MAX 4096

#define SEED(text) { text, sizeof(text) - 1 }

static const struct {
	const char *text;
	size_t len;
} seeds[] = {
	SEED("alias vfio_pci:v000010DEd00002342sv*sd*bc03sc02i* nvgpu_vfio_pci\n# x\n"
	     "alias vfio_pci:v000010DEd00002342sv*sd*bc*sc*i* nvgrace_gpu_vfio_pci\n"),
	SEED("80000000-fbffffff : System RAM\n  80210000-81ffffff : Kernel code\n"),
	SEED("SSDT\x0dnvidia,gpu-mem-base-pa\0\x0e\0\0\0\0\0\x42\0\0"
	     "\x0dnvidia,gpu-mem-size\0\x0c\0\0\0\x40"),
	SEED("3,12,99,-,caller=T1;nvgpu 0009:01:00.0: new\n SUBSYSTEM=pci\n"),
	SEED("Max locked memory         8388608              unlimited            bytes\n"),
	SEED("# CONFIG_A is not set\nCONFIG_NODES_SHIFT=6\n"),
	SEED("0009:01:00.0"),
	SEED("10de:2342"),
	SEED("QEMU emulator version 10.0.13"),
	SEED("128G"),
	SEED("0-1,4,8-15"),
	SEED("serial number: 1 0a1b2c3d-1111-2222-3333-444455556666"),
	SEED("qemu\0-name\0guest=vm,debug-threads=on\0-smp\0"),
};

static __u64 state;

static __u32 random_number(__u32 below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (__u32)(state >> 33) % below;
}

static void parse_texts(const char *text)
{
	__u16 vendor, device;
	struct bdf bdf;
	unsigned int list[8];
	char buf[16];
	__u64 size;

	parse_bdf(text, &bdf);
	parse_id(text, &vendor, &device);
	parse_size(text, &size);
	parse_version(text);
	parse_list(text, list, NR_ITEMS(list));
	parse_config(text, "CONFIG_NODES_SHIFT", buf, sizeof(buf));
	parse_memlock(text, &size);
	same_module(text, "nvgpu-vfio-pci");
}

static void parse_files(const char *data, size_t len)
{
	struct acpi_memory found[3];
	char buf[16];

	acpi_find_memory((const __u8 *)data, len, found, NR_ITEMS(found));
	parse_driver_file(data, len, buf, sizeof(buf));
	parse_vm_name(data, len, buf, sizeof(buf));
}

static void run(const char *data, size_t len)
{
	struct candidates candidates;
	struct iomem iomem;
	char *exact = malloc(len ? len : 1), *text = calloc(1, len + 1);
	char *copy = malloc(len + 1), buf[16];

	memcpy(exact, data, len);
	memcpy(text, data, len);
	parse_files(exact, len);
	parse_texts(text);
	alias_search("", text, &candidates);
	alias_search(text, "pci:v000010DEd00002342sv000010DEsd000016EBbc03sc02i00", &candidates);
	candidates_free(&candidates);
	memcpy(copy, text, len + 1);
	iomem_parse(copy, &iomem);
	iomem_free(&iomem);
	memcpy(copy, text, len + 1);
	hide_ids(copy);
	memcpy(copy, text, len + 1);
	kmsg_find(copy, 0, "nvgpu", buf, sizeof(buf));
	kmsg_find(text, 0, NULL, buf, sizeof(buf));
	candidates_free(&candidates);
	free(exact);
	free(copy);
	free(text);
}

static size_t mutate(char *data, size_t len)
{
	static const char interesting[] = {
		0, '\n', ' ', ':', '-', '*', ';', '=', 0x7f, -1, '9', 0xe
	};
	__u32 at = len ? random_number(len) : 0, n;

	switch (random_number(6)) {
	case 0:
		if (len)
			data[at] ^= 1 << random_number(8);
		return len;
	case 1:
		if (len)
			data[at] = interesting[random_number(sizeof(interesting))];
		return len;
	case 2:
		return at;
	case 3:
		if (len == INPUT_MAX)
			return len;
		memmove(data + at + 1, data + at, len - at);
		data[at] = interesting[random_number(sizeof(interesting))];
		return len + 1;
	case 4:
		if (!len)
			return len;
		memmove(data + at, data + at + 1, len - at - 1);
		return len - 1;
	default:
		n = len - at;
		if (len + n > INPUT_MAX)
			return len;
		memcpy(data + len, data + at, n);
		return len + n;
	}
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 10);
	unsigned long runs = 0;
	char data[INPUT_MAX];
	__u32 i, rounds;
	size_t len;

	state = argc > 2 ? strtoull(argv[2], NULL, 0) : (__u64)time(NULL) ^ (__u64)getpid();
	printf("# seed 0x%llx\n", (unsigned long long)state);
	fflush(stdout);
	while (time(NULL) < end) {
		for (i = 0; i < NR_ITEMS(seeds); i++) {
			len = seeds[i].len;
			memcpy(data, seeds[i].text, len);
			for (rounds = random_number(64); rounds; rounds--)
				len = mutate(data, len);
			run(data, len);
			runs++;
		}
	}
	printf("# %lu inputs\n", runs);
	return 0;
}
