// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the parsers.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../nvgpuctl.h"
#include "../vm.h"

static bool driver_file(const char *text, char driver[16])
{
	return parse_driver_file(text, strlen(text), driver, 16);
}

static int iomem_text(const char *text, struct iomem *iomem)
{
	char *copy = strdup(text);
	int ret = iomem_parse(copy, iomem);

	free(copy);
	return ret;
}

static bool kmsg_text(const char *text, __u64 after, const char *what, char *buf, size_t size)
{
	char *copy = strdup(text);
	bool found = kmsg_find(copy, after, what, buf, size);

	free(copy);
	return found;
}

static void test_bdf(void **state)
{
	static const char *const bad[] = {
		"", ":", "0009:01:00", "0009:01:00.8", "0009:01:20.0", "0009:01:00.0 ", "g:01:00.0",
		"0009:001:00.0", "01.00.0", "123456789:01:00.0", ".0", "1:2:3:4.0",
	};
	struct bdf bdf;
	size_t i;

	assert_true(parse_bdf("0009:01:1f.7", &bdf));
	assert_int_equal(bdf.domain, 9);
	assert_int_equal(bdf.bus, 1);
	assert_int_equal(bdf.dev, 0x1f);
	assert_int_equal(bdf.fn, 7);
	assert_true(parse_bdf("1:2.3", &bdf));
	assert_true(bdf.domain == ANY_DOMAIN);
	for (i = 0; i < NR_ITEMS(bad); i++)
		assert_false(parse_bdf(bad[i], &bdf));
}

static void test_id(void **state)
{
	__u16 vendor, device;

	assert_true(parse_id("10DE:2342", &vendor, &device));
	assert_int_equal(vendor, 0x10de);
	assert_int_equal(device, 0x2342);
	assert_false(parse_id("10de", &vendor, &device));
	assert_false(parse_id("10de:23420", &vendor, &device));
	assert_false(parse_id("1:2", &vendor, &device));
}

static void test_size(void **state)
{
	__u64 size;

	assert_true(parse_size("16G", &size));
	assert_int_equal(size, 16 * SZ_G);
	assert_true(parse_size("4096", &size));
	assert_int_equal(size, 4096);
	assert_true(parse_size("1t", &size));
	assert_int_equal(size, 1024 * SZ_G);
	assert_false(parse_size("0", &size));
	assert_false(parse_size("-1", &size));
	assert_true(parse_size("2GiB", &size));
	assert_true(size == 2 * SZ_G);
	assert_true(parse_size("2GB", &size));
	assert_false(parse_size("2GiBs", &size));
	assert_false(parse_size("2iB", &size));
	assert_false(parse_size("99999999999T", &size));
	assert_false(parse_size("", &size));
}

static void test_driver_file(void **state)
{
	char driver[16];

	assert_true(driver_file("vfio-pci\n", driver));
	assert_string_equal(driver, "vfio-pci");
	assert_true(driver_file("none", driver));
	assert_false(driver_file("", driver));
	assert_false(driver_file("two words\n", driver));
	assert_false(driver_file("a/../b", driver));
	assert_false(driver_file("much_too_long_a_name", driver));
	assert_false(parse_driver_file("nul\0byte", 8, driver, sizeof(driver)));
}

static void test_version(void **state)
{
	assert_int_equal(parse_version("QEMU emulator version 10.0.13 (Debian 1:10)"),
			 VERSION(10, 0, 13));
	assert_int_equal(parse_version("libvirtd (libvirt) 12.8.0"), VERSION(12, 8, 0));
	assert_int_equal(parse_version("9.2"), VERSION(9, 2, 0));
	assert_int_equal(parse_version("none at all 7"), 0);
	assert_int_equal(parse_version(""), 0);
}

static void test_config(void **state)
{
	static const char text[] = "# CONFIG_A is not set\nCONFIG_AB=m\nCONFIG_A_B=y\nCONFIG_C=64";
	char value[8];

	assert_int_equal(parse_config(text, "CONFIG_A", value, sizeof(value)),
			 -ENOENT);
	assert_int_equal(parse_config(text, "CONFIG_AB", value, sizeof(value)), 0);
	assert_string_equal(value, "m");
	assert_int_equal(parse_config(text, "CONFIG_C", value, sizeof(value)), 0);
	assert_string_equal(value, "64");
	assert_int_equal(parse_config("", "CONFIG_C", value, sizeof(value)), -ENOENT);
}

static void test_memlock(void **state)
{
	__u64 soft;

	assert_int_equal(parse_memlock("Soft\nMax locked memory  8388608  unlimited\n", &soft), 0);
	assert_int_equal(soft, 8388608);
	assert_int_equal(parse_memlock("Max locked memory  unlimited  4096  bytes", &soft), 0);
	assert_true(soft == UINT64_MAX);
	assert_int_equal(parse_memlock("Max locked memory         x\n", &soft), -EINVAL);
	assert_int_equal(parse_memlock("Max locked memory ", &soft), -EINVAL);
	assert_int_equal(parse_memlock("Max processes 1\n", &soft), -EINVAL);
}

static void test_iomem(void **state)
{
	static const char text[] =
		"80000000-fbffffff : System RAM\n"
		"  80210000-81ffffff : Kernel code\n"
		"garbage\n"
		"420000000000-4217ffffffff : System RAM (NVIDIA)\n";
	struct iomem iomem;

	assert_int_equal(iomem_text(text, &iomem), 0);
	assert_int_equal(iomem.nr, 3);
	assert_int_equal(iomem.range[1].depth, 1);
	assert_true(iomem.range[2].start == 0x420000000000);
	assert_string_equal(iomem.range[2].name, "System RAM (NVIDIA)");
	assert_true(iomem_is_ram(iomem.range[2].name));
	assert_false(iomem_is_hidden(&iomem));
	iomem_free(&iomem);
	assert_int_equal(iomem_text("00000000-00000000 : System RAM", &iomem), 0);
	assert_true(iomem_is_hidden(&iomem));
	iomem_free(&iomem);
	assert_int_equal(iomem_text("what?", &iomem), -EINVAL);
	iomem_free(&iomem);
}

#define BASE_NAME "\x0dnvidia,gpu-mem-base-pa\0"
#define SIZE_NAME "\x0dnvidia,gpu-mem-size\0"

static void test_acpi(void **state)
{
	static const char both[] = "SSDT"
		BASE_NAME "\x0e\0\0\0\0\0\x42\0\0" SIZE_NAME "\x0c\0\0\0\x40"
		SIZE_NAME "\0" BASE_NAME "\x68";
	struct acpi_memory found[4];

	assert_int_equal(acpi_find_memory((__u8 *)both, sizeof(both) - 1, found, 4), 2);
	assert_true(found[0].has_base && found[0].has_size);
	assert_true(found[0].base == 0x420000000000);
	assert_true(found[0].size == 0x40000000);
	assert_true(found[1].has_size && !found[1].has_base && found[1].is_computed);
	assert_int_equal(found[1].size, 0);
	/* A value truncated by the end of the table is invalid. */
	assert_int_equal(acpi_find_memory((__u8 *)both, 30, found, 4), 1);
	assert_true(found[0].is_computed && !found[0].has_base);
	assert_int_equal(acpi_find_memory((__u8 *)both, 10, found, 4), 0);
	assert_int_equal(acpi_find_memory((__u8 *)both, sizeof(both) - 1, found, 1), 1);
}

static const char modalias[] = "pci:v000010DEd00002342sv000010DEsd000016EBbc03sc02i00";

static void test_alias(void **state)
{
	static const char text[] =
		"# comment\n"
		"alias vfio_pci:v000010DEd00002342sv*sd*bc*sc*i* first\n"
		"alias vfio_pci:v000010DEd00002342sv*sd*bc03sc02i* best\n"
		"alias vfio_pci:v000010DEd00002342sv*sd*bc03sc02i* later\n"
		"alias vfio_pci:v000010DEd00002345sv*sd*bc03sc02i00 other\n"
		"alias vfio_pci:v000010DEd00002342 short\n"
		"alias vfio_pci:v*d*sv*sd*bc*sc*i*";
	struct candidates found;

	assert_int_equal(alias_search(text, modalias, &found), 0);
	assert_int_equal(found.nr, 3);
	assert_string_equal(found.v[found.best].module, "best");
	assert_int_equal(found.v[found.best].wildcards, 3);
	assert_int_equal(found.v[found.best].line, 3);
	candidates_free(&found);
	assert_int_equal(alias_search(text, "usb:v1", &found), -EINVAL);
	assert_int_equal(alias_search("", modalias, &found), 0);
	assert_int_equal(found.best, -1);
}

static void test_kmsg(void **state)
{
	static const char text[] =
		"6,10,0,-;nvgpu 0009:01:00.0: old\n"
		"3,12,99,-,caller=T1;nvgpu 0009:01:00.0: new\n"
		" SUBSYSTEM=pci\n"
		"3,13,99,-;nvgpu 0009:01:00.0: probe with driver nvgpu failed with error -16\n"
		"bad;nvgpu 0009:01:00.0: x\n";
	char buf[32];

	assert_true(kmsg_text(text, 10, "nvgpu 0009:01:00.0: ", buf, sizeof(buf)));
	assert_string_equal(buf, "new");
	assert_false(kmsg_text(text, 12, "nvgpu 0009:01:00.0: ", buf, sizeof(buf)));
	assert_true(kmsg_text(text, 0, NULL, buf, sizeof(buf)));
	assert_string_equal(buf, "13");
	assert_false(kmsg_text("", 0, NULL, buf, sizeof(buf)));
}

static void test_figures(void **state)
{
	struct gpu gpu[4] = {};
	struct gpus gpus = { gpu, 1 };
	int i;

	for (i = 0; i < 4; i++) {
		gpu[i].bar_size[0] = 16 * SZ_M;
		gpu[i].mem_size = 97 * SZ_G;
		gpu[i].usemem = (struct part) { 96 * SZ_G, 4, 128 * SZ_G };
		gpu[i].resmem = (struct part) { SZ_G, 2, SZ_G };
	}
	assert_true(vm_mmio_size(&gpus) == 512 * SZ_G);
	assert_true(vm_memlock(&gpus, 16 * SZ_G) == 114 * SZ_G);
	gpus.nr = 4;
	/* Four times 256 GiB, and some: the next power of two. */
	assert_true(vm_mmio_size(&gpus) == 2048 * SZ_G);
	/* Without resmem the hardware's BAR2 counts: 257 GiB, aligned to 128. */
	for (i = 0; i < 4; i++) {
		gpu[i].resmem = (struct part) {};
		gpu[i].bar_size[2] = 128 * SZ_G;
	}
	gpus.nr = 3;
	assert_true(vm_mmio_size(&gpus) == 2048 * SZ_G);
	/* Two BARs of 256 GiB fit windows of 768 GiB, not of 1 TiB. */
	for (i = 0; i < 4; i++) {
		gpu[i].bar_size[2] = 256 * SZ_G;
		gpu[i].usemem.bar_size = 256 * SZ_G;
	}
	gpus.nr = 4;
	assert_true(vm_mmio_size(&gpus) == 4096 * SZ_G);
}

static void test_list(void **state)
{
	static const char *const bad[] = { "", ",", "0,", "1-", "2-1", "x", "0 1", "-1", "0-7" };
	unsigned int list[4] = {};
	size_t i;

	assert_int_equal(parse_list("0-1,4", list, 4), 3);
	assert_int_equal(list[1], 1);
	assert_int_equal(list[2], 4);
	assert_int_equal(parse_list("0-3", list, 4), 4);
	for (i = 0; i < NR_ITEMS(bad); i++)
		assert_int_equal(parse_list(bad[i], list, 4), -EINVAL);
}

static void test_vm_name(void **state)
{
	static const char *const none[] = { "", "-name", "a\0-name\0", "-name\0-x", "-name\0,a\0" };
	static const size_t len[] = { 0, 6, 8, 8, 9 };
	static const char guest[] = "qemu\0-S\0-name\0guest=a b,debug-threads=on";
	char name[8];
	size_t i;

	assert_true(parse_vm_name(guest, sizeof(guest), name, sizeof(name)));
	assert_string_equal(name, "a b");
	assert_true(parse_vm_name("--name\0much-too-long\0", 21, name, sizeof(name)));
	assert_string_equal(name, "much-to");
	for (i = 0; i < NR_ITEMS(none); i++)
		assert_false(parse_vm_name(none[i], len[i], name, sizeof(name)));
}

static void test_hide_ids(void **state)
{
	static const char *const text[][2] = {
		{ "GPU-0a1b2c3d-1111-2222-3333-44445555666F: x",
		  "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx: x" },
		{ "Board Serial Number: 165-2, ok 7", "Board Serial Number: xxx-x, ok 7" },
		{ "serial=\"AB12\" SERIAL_NUMBER=1", "serial=\"xxxx\" SERIAL_NUMBER=x" },
		{ "Serial port at 0x3f8", "Serial port at 0x3f8" },
		{ "0a1b2c3d-1111-2222-3333-44445555666", "0a1b2c3d-1111-2222-3333-44445555666" },
		{ "serial", "serial" },
	};
	char line[64];
	size_t i;

	for (i = 0; i < NR_ITEMS(text); i++) {
		snprintf(line, sizeof(line), "%s", text[i][0]);
		hide_ids(line);
		assert_string_equal(line, text[i][1]);
	}
}

static void test_buses(void **state)
{
	struct gpu gpu[4] = {
		{ .iommu = "a", .node = 0 }, { .iommu = "b", .node = 1 },
		{ .iommu = "a", .node = 0 }, { .iommu = "c", .node = 1 },
	};
	struct gpus gpus = { gpu, 4 };
	struct vm vm = { .gpus = &gpus, .smmu = true, .nr_nodes = 2, .host_node = { 0, 1 } };

	assert_int_equal(vm_bus_of(&vm, 0), 1);
	assert_int_equal(vm_bus_of(&vm, 1), 2);
	assert_int_equal(vm_bus_of(&vm, 2), 1);
	assert_int_equal(vm_bus_of(&vm, 3), 3);
	assert_false(vm_bus_is_first(&vm, 2));
	assert_true(vm_bus_is_first(&vm, 3));
	vm.smmu = false;
	assert_int_equal(vm_bus_of(&vm, 3), 2);
	vm.nr_nodes = 1;
	assert_int_equal(vm_bus_of(&vm, 3), 0);
}

static void test_nodes(void **state)
{
	struct gpu gpu[2] = { { .node = 1 }, { .node = 5 } };
	struct gpus gpus = { gpu, 2 };
	struct vm vm = {
		.gpus = &gpus, .nr_nodes = 3, .host_node = { 0, 1, 5 }, .cpus = 7,
		.memory = 10 * SZ_G, .hugepage = SZ_G,
	};

	assert_int_equal(vm_node(&vm, 0, 0), 3);
	assert_int_equal(vm_node(&vm, 1, 7), 18);
	assert_int_equal(vm_nr_nodes(&vm), 19);
	assert_int_equal(vm_socket(&vm, 1), 2);
	/* 7 CPUs: 2, 2, 3; 10 pages: 3, 3, 4. */
	assert_int_equal(vm_first_cpu(&vm, 2), 4);
	assert_int_equal(vm_first_cpu(&vm, 3), 7);
	assert_true(vm_node_memory(&vm, 1) == 3 * SZ_G);
	assert_true(vm_node_memory(&vm, 2) == 4 * SZ_G);
	vm.hugepage = 0;
	assert_true(vm_node_memory(&vm, 0) == 3413 * SZ_M);
}

static void test_text(void **state)
{
	char buf[32];

	assert_string_equal(format_size(buf, sizeof(buf), 0), "0 B");
	assert_string_equal(format_size(buf, sizeof(buf), 96 * SZ_G + 512 * SZ_M), "96.5 GiB");
	assert_string_equal(format_unit(buf, sizeof(buf), 512 * SZ_M), "512M");
	assert_string_equal(format_unit(buf, sizeof(buf), SZ_G + SZ_K), "1048577K");
	assert_string_equal(errno_name(-EBUSY), "EBUSY");
	assert_true(pow2_ceil(3) == 4);
	assert_true(pow2_ceil(4) == 4);
	assert_true(pow2_ceil(UINT64_MAX) == 0);
	assert_true(same_module("nvgpu-vfio-pci", "nvgpu_vfio_pci"));
	assert_false(same_module("nvgpu", "nvgpu_vfio_pci"));
}

int main(void)
{
	const struct UNIT_TEST tests[] = {
		cmocka_unit_test(test_bdf),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_driver_file),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_memlock),
		cmocka_unit_test(test_iomem),
		cmocka_unit_test(test_acpi),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_kmsg),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_vm_name),
		cmocka_unit_test(test_hide_ids),
		cmocka_unit_test(test_buses),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_text),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("parsers", tests, NULL, NULL);
}
