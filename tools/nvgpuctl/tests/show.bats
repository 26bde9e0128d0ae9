#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# list, show, map, alias, report: their output and its width.
# shellcheck disable=SC2154 # bats sets output and status

load common

@test "list: a table of the GPUs, without ports" {
	run nvgpuctl list
	status_is 0
	[ "${#lines[@]}" -eq 3 ]
	output_has "$A 10de:2342"
	fits_80_columns
}

@test "list: columns, headings, selection by address and id" {
	run nvgpuctl list -o bdf,group --noheadings 9:1:0.0
	status_is 0
	# Before 2.39 libsmartcols pads to the heading.
	[ "$(tr -s ' ' <<<"$output")" = "$A 14" ]
	run nvgpuctl list 10de:2342 --noheadings -o BDF
	[ "${#lines[@]}" -eq 2 ]
	run nvgpuctl list -o bdf,nonsense
	status_is 2
	output_has 'unknown column "nonsense"'
}

@test "list: unknown GPU is 3, no GPU at all is 77, nonsense is 2" {
	run nvgpuctl list 0001:01:00.0
	status_is 3
	run nvgpuctl list --nonsense
	status_is 2
	run nvgpuctl nonsense
	status_is 2
	for word in lst listt lisst lizt; do
		run nvgpuctl "$word"
		status_is 2
		output_has "did you mean list"
	done
	run nvgpuctl help
	status_is 0
	output_has "usage: nvgpuctl COMMAND"
	rm -r "$HOST"/sys/bus/pci/devices/*
	run nvgpuctl list
	status_is 77
	rm -r "$HOST/sys"
	run nvgpuctl list
	status_is 77
}

@test "list: any NVIDIA 3D controller, by its name or as unknown" {
	is_device "$A" 31c3
	is_device "$B" 3fff
	run nvgpuctl list
	status_is 0
	output_has "$A 10de:31c3 GB300 in DGX Station"
	output_has "$B 10de:3fff unknown"
	# The properties tell on any processor; without them only arm64 hosts have such GPUs.
	fact machine x86_64
	run nvgpuctl list
	[ "${#lines[@]}" -eq 3 ]
	echo nothing >"$HOST/sys/firmware/acpi/tables/SSDT1"
	run nvgpuctl list
	status_is 77
}

@test "list: a display adapter only if it is named; it has no share in the ACPI tables" {
	head -c 80 "$HOST/sys/firmware/acpi/tables/SSDT1" >"$HOST/ssdt"
	mv "$HOST/ssdt" "$HOST/sys/firmware/acpi/tables/SSDT1"
	is_device "$A" 3fff 030000
	run nvgpuctl list --noheadings -o memory,bdf
	[ "$(tr -s ' ' <<<"$output")" = "97 GiB $B" ]
	run nvgpuctl list --noheadings -o bdf "$A"
	status_is 0
	[ "$output" = "$A" ]
}

@test "list: a VF has no share in the ACPI tables" {
	head -c 80 "$HOST/sys/firmware/acpi/tables/SSDT1" >"$HOST/ssdt"
	mv "$HOST/ssdt" "$HOST/sys/firmware/acpi/tables/SSDT1"
	ln -sr "$(gpu_dir "$A")" "$(gpu_dir "$B")/physfn"
	run nvgpuctl list --noheadings -o bdf,memory,source
	[ "$(tr -s ' ' <<<"${lines[0]}")" = "$A 97 GiB acpi-heuristic" ]
	[ "$(tr -s ' ' <<<"${lines[1]}")" = "$B - unknown" ]
}

@test "list: a narrow terminal cuts names, never addresses" {
	FAKE_TERMINAL=1 TERM=dumb COLUMNS=60 run nvgpuctl list
	status_is 0
	output_has "$A 10de:2342"
	output_has "97 GiB"
	output_lacks "GH200 120GB"
}

@test "list: the VM that uses a GPU, or the program, or that it is unknown" {
	bound_to "$A" nvgpu_vfio_pci
	bound_to "$B" nvidia
	process 99 qemu-system-aar /dev/vfio/14
	printf 'qemu-system-aarch64\0-name\0guest=training 1,debug-threads=on\0-S\0' >"$HOST/proc/99/cmdline"
	process 100 nvidia-smi /dev/nvidia0
	run nvgpuctl list -o bdf,vm --noheadings
	[ "$(tr -s ' ' <<<"$output")" = "$A training 1"$'\n'"$B nvidia-smi" ]
	run nvgpuctl show "$A"
	output_has "used by training 1 (process 99, /dev/vfio/14)"
	run nvgpuctl list --json "$A"
	[ "$(json 'd["gpus"][0]["users"]')" = "[{'pid': 99, 'name': 'training 1', 'file': '/dev/vfio/14'}]" ]
	rm -r "$HOST/proc/100/fd"
	run nvgpuctl list -o vm,bdf --noheadings "$B"
	[ "$(tr -s ' ' <<<"$output")" = "? $B" ]
	run nvgpuctl list --json "$B"
	[ "$(json 'd["gpus"][0]["users"]')" = None ]
	run nvgpuctl show "$B"
	output_has "used by unknown: only root"
}

@test "list: --raw and --pairs for programs" {
	FAKE_TERMINAL=1 TERM=dumb COLUMNS=40 run nvgpuctl list --raw -o bdf,name,memory,driver
	status_is 0
	[ "${lines[1]}" = "$A GH200\\x20120GB $((97 << 30)) -" ]
	run nvgpuctl list --pairs -o bdf,name,memory
	[ "${lines[0]}" = "BDF=\"$A\" NAME=\"GH200 120GB\" MEMORY=\"$((97 << 30))\"" ]
	run nvgpuctl alias --raw "$A"
	output_has "nvgpu_vfio_pci 3"
}

@test "show --prometheus: metrics that promtool accepts" {
	has_memory "$A"
	is_device "$B" 3fff
	printf '\t3fff  a\\b "c"\n' >>"$HOST/usr/share/misc/pci.ids"
	run nvgpuctl show --prometheus
	status_is 0
	metrics=$output
	output_has "nvgpu_info{bdf=\"$A\",id=\"10de:2342\",name=\"GH200 120GB\",driver=\"nvgpu_vfio_pci\"} 1"
	output_has "nvgpu_info{bdf=\"$B\",id=\"10de:3fff\",name=\"a\\\\b \\\"c\\\"\",driver=\"\"} 1"
	output_has "nvgpu_ready{bdf=\"$A\"} 1"
	output_has "nvgpu_resets_total{bdf=\"$A\"} 3"
	output_has "nvgpu_hwpoisoned_pages{bdf=\"$A\"} 0"
	output_lacks "(ready|resets|pages).*$B"
	echo unknown >"$(gpu_dir "$A")/coherent_memory/ready"
	run nvgpuctl show --prometheus
	output_lacks "^nvgpu_ready"
	command -v promtool >/dev/null || skip "no promtool here"
	run promtool check metrics <<<"$metrics"
	status_is 0
	[ -z "$output" ]
}

@test "list --tree: IOMMU, group, functions" {
	run nvgpuctl list --tree
	status_is 0
	output_has "└─group 14 ├─0009:00:00.0 pcieport bridge └─0009:01:00.0 GPU"
	fits_80_columns
	run nvgpuctl list --tree --ascii
	output_lacks '└'
}

@test "list --json: schema, integers, hexadecimal addresses" {
	run nvgpuctl list --json
	status_is 0
	[ "$(json 'd["schema"]')" = nvgpu.list/1 ]
	[ "$(json 'd["gpus"][0]["memory"]["size"]')" = $((97 << 30)) ]
	[ "$(json 'd["gpus"][0]["memory"]["base"]')" = 0x420000000000 ]
	[ "$(json 'd["gpus"][1]["driver"]')" = None ]
	[ "$(json 'd["gpus"][1]["group_members"][0]["bdf"]')" = 0019:00:00.0 ]
	run nvgpuctl list --json=compact
	[ "${#lines[@]}" -eq 1 ]
	run nvgpuctl list --json=nonsense
	status_is 2
}

@test "show: figures of the driver if it is bound" {
	has_memory "$A"
	run nvgpuctl show "$A"
	status_is 0
	output_has "memory 97 GiB at 0x420000000000 from the driver"
	output_has "usemem 96 GiB cacheable in BAR4/5, which reports 128 GiB"
	output_has "resets 3"
	fits_80_columns
}

@test "show: figures of ACPI are marked heuristic, with predicted BARs" {
	run nvgpuctl show "$A"
	status_is 0
	output_has "heuristic: found by searching the ACPI tables"
	output_has "resmem 1 GiB write-combining in BAR2/3, which reports 1 GiB"
}

@test "show: figures of a device tree" {
	mkdir "$(gpu_dir "$A")/of_node"
	printf '\x00\x00\x01\x00\x00\x00\x00\x00' >"$(gpu_dir "$A")/of_node/nvidia,gpu-mem-base-pa"
	printf '\x00\x00\x00\x10\x00\x00\x00\x00' >"$(gpu_dir "$A")/of_node/nvidia,gpu-mem-size"
	run nvgpuctl show "$A"
	output_has "memory 64 GiB at 0x10000000000 from the firmware node"
}

@test "show: MIG bug fixed means no resmem" {
	printf '\x01' | dd of="$(gpu_dir "$A")/config" bs=1 seek=$((0x10a)) conv=notrunc status=none
	run nvgpuctl show "$A"
	output_has "usemem 97 GiB"
	output_lacks 'resmem  '
}

@test "show: fewer descriptions than GPUs are not assigned to any" {
	head -c 80 "$HOST/sys/firmware/acpi/tables/SSDT1" >"$HOST/ssdt"
	mv "$HOST/ssdt" "$HOST/sys/firmware/acpi/tables/SSDT1"
	run nvgpuctl show "$B"
	output_has "size unknown"
	output_has "computed by firmware"
}

@test "map: Unicode, ASCII, 80 columns" {
	has_memory "$A"
	run nvgpuctl map "$A"
	status_is 0
	output_has "│ usemem 96 GiB │ BAR4/5"
	output_has "nothing 32 GiB"
	output_has "reads ~0, drops writes"
	fits_80_columns
	LC_ALL=C run nvgpuctl map "$A"
	output_has "| usemem 96 GiB | BAR4/5"
	output_lacks '│'
}

@test "map, doctor: a terminal of 40 columns" {
	export FAKE_TERMINAL=1 TERM=dumb COLUMNS=40
	run nvgpuctl map "$A"
	status_is 0
	fits_columns 40
	output_has "│ nothing 32 GiB │ │ reads ~0, drops writes│"
	output_has "│ resmem 1 GiB │ │ write-combining │"
	run nvgpuctl doctor --ignore vmm
	status_is 0
	fits_columns 40
	output_lacks ' $'
	output_has "PASS iommu.group 0009:01:00.0: IOMMU group 14 behind"
}

@test "map: one scale for all boxes" {
	run nvgpuctl map --ascii "$A"
	# 128 GiB in 12 rows: 9 of usemem in both boxes, 3 of nothing; 1 GiB has one.
	[ "$(grep -c '|  *|' <<<"$output")" -eq 16 ]
	[ "$(grep -c '|\.\.*|' <<<"$output")" -eq 2 ]
	[ "$(grep -A1 resmem <<<"$output" | grep -c '+-')" -eq 2 ]
}

# Boxes of a document: x, y, width and height of rectangles and texts must not overlap.
svg_is_tidy() {
	python3 - "$1" <<-'END'
		import sys, xml.etree.ElementTree as tree
		root = tree.parse(sys.argv[1]).getroot()
		ns = "{http://www.w3.org/2000/svg}"
		width, height = map(int, root.get("viewBox").split()[2:])
		rects = [r for r in root.iter(ns + "rect")]
		if rects[0].get("class") != "back":
		    sys.exit("no background")
		boxes = [tuple(int(r.get(k)) for k in ("x", "y", "width", "height")) for r in rects[1:]]
		for x, y, w, h in boxes:
		    if x + w > width or y + h > height:
		        sys.exit("outside of the document: %s" % ((x, y, w, h),))
		    if any(x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h
		           for x2, y2, w2, h2 in boxes if (x2, y2) != (x, y)):
		        sys.exit("boxes overlap")
		spans = []
		for t in root.iter(ns + "text"):
		    size = 0.65 * {"address": 10, "note": 11}.get(t.get("class"), 13) * len(t.text)
		    x, y = int(t.get("x")), int(t.get("y"))
		    if t.get("class") == "address":
		        x -= size
		    if x < 0 or x + size > width:
		        sys.exit("text outside of the document: " + t.text)
		    spans.append((x, x + size, y))
		if any(a is not b and a[0] < b[1] and b[0] < a[1] and abs(a[2] - b[2]) < 10
		       for a in spans for b in spans):
		    sys.exit("texts overlap")
		tall = [b[3] for b in boxes if b[3] > 28]
		if tall != [270, 270, 90]:
		    sys.exit("heights are not to one scale: %s" % tall)
		if len([p for p in root.iter(ns + "path") if p.get("class") == "arrow"]) != 2:
		    sys.exit("not an arrow for each BAR")
	END
}

@test "map --svg: one scale, arrows, nothing overlaps" {
	run nvgpuctl map --svg "$HOST/map.svg" "$A"
	status_is 0
	run svg_is_tidy "$HOST/map.svg"
	[ -z "$output" ]
	status_is 0
}

@test "map --svg: a document, one GPU only" {
	run nvgpuctl map --svg - "$A"
	status_is 0
	python3 -c 'import sys, xml.dom.minidom as m; m.parseString(sys.stdin.read())' <<<"$output"
	output_has "resmem, 1 GiB"
	run nvgpuctl map --svg "$HOST/map.svg" "$A"
	status_is 0
	[ -s "$HOST/map.svg" ]
	run nvgpuctl map --svg - all
	status_is 2
	run nvgpuctl map --svg "$HOST/no/such/map.svg" "$A"
	status_is 1
}

@test "map --json: boxes with addresses; unknown memory is an error" {
	run nvgpuctl map --json "$A"
	[ "$(json 'd["gpus"][0]["boxes"][0]["parts"][1]["address"]')" = 0x421800000000 ]
	rm -r "$HOST/sys/firmware"
	run nvgpuctl map "$A"
	status_is 1
	output_has "memory is unknown"
}

@test "alias: fewest wildcards win" {
	run nvgpuctl alias "$A"
	status_is 0
	output_has "libvirt picks nvgpu_vfio_pci"
	output_has "nvgrace_gpu_vfio_pci 5 2 more wildcards"
	fits_80_columns
}

@test "alias: of equals the first line wins" {
	sed -i 's/bc03sc02i\* nvgpu/bc*sc*i* nvgpu/' "$HOST/lib/modules/$RELEASE/modules.alias"
	run nvgpuctl alias --json "$A"
	[ "$(json 'd["gpus"][0]["chosen"]')" = nvgrace_gpu_vfio_pci ]
	[ "$(json 'd["gpus"][0]["candidates"][1]["why"]')" = "as many wildcards, later line" ]
}

@test "alias: none, and no file" {
	sed -i '/00002342/d' "$HOST/lib/modules/$RELEASE/modules.alias"
	run nvgpuctl alias "$A"
	output_has "libvirt takes vfio-pci"
	rm "$HOST/lib/modules/$RELEASE/modules.alias"
	run nvgpuctl alias "$A"
	status_is 1
	output_has "run depmod"
}

@test "report: one file, not overwritten, also without a GPU" {
	run nvgpuctl report --output "$HOST/report.txt"
	status_is 0
	grep -q '^===== doctor' "$HOST/report.txt"
	grep -q '^qemu.version=QEMU emulator' "$HOST/report.txt"
	grep -q 'vfio_pci:v000010DEd00002342.* nvgpu_vfio_pci' "$HOST/report.txt"
	run cat "$HOST/report.txt"
	output_lacks ' other$'
	[ "$(stat -c %a "$HOST/report.txt")" = 600 ]
	run nvgpuctl report --output "$HOST/report.txt"
	status_is 1
	rm -r "$HOST"/sys/bus/pci/devices/*
	run nvgpuctl report --output -
	status_is 0
	output_has "this machine has no Grace GPU"
}

@test "report: no secrets of the command line, a readable kernel log, files asked for first" {
	echo "root=UUID=0a1b2c3d-9999 quiet iommu.passthrough=0 systemd.set_credential=key:hunter2" >"$HOST/proc/cmdline"
	{
		echo '5,1,0,-;Kernel command line: root=UUID=0a1b2c3d-9999 iommu.passthrough=0'
		echo '3,2,1234567,-;nvgpu_vfio_pci 0009:01:00.0: something'
	} >"$HOST/dev/kmsg"
	echo "options vfio_pci disable_vga=1" >"$HOST/etc/modprobe.d/local.conf"
	echo nvgpu_vfio_pci >"$HOST/etc/driverctl.d/pci-$A"
	run nvgpuctl report --output -
	status_is 0
	output_lacks 'hunter2|0a1b2c3d'
	output_has "iommu.passthrough=0"
	output_has "systemd.set_credential=(hidden)"
	output_has "[ 1.234567] nvgpu_vfio_pci 0009:01:00.0: something"
	output_has "options vfio_pci disable_vga=1"
	output_has "/etc/driverctl.d/pci-$A nvgpu_vfio_pci"
	grep -q "^nvgpuctl report, .*$(date +%Y)-" <<<"$output"
}

@test "report: what a maintainer asks for first; serial numbers and UUIDs with --full only" {
	has_memory "$A"
	echo 'flr bus' >"$(gpu_dir "$A")/reset_method"
	printf '\x23\x00\x01\x14' | dd of="$(gpu_dir "$A")/config" bs=1 seek=$((0x100)) conv=notrunc status=none
	printf '\x03\x00\x01\x00\x11\x22' | dd of="$(gpu_dir "$A")/config" bs=1 seek=$((0x140)) conv=notrunc status=none
	{
		echo '6,1,0,-;NVRM: GPU at PCI:0009:01:00: GPU-0a1b2c3d-1111-2222-3333-444455556666'
		echo '6,2,0,-;NVRM: GPU Board Serial Number: 1650522012345'
	} >"$HOST/dev/kmsg"
	run nvgpuctl report --output -
	status_is 0
	output_has "modinfo nvgpu-vfio-pci filename: $HOST/lib/modules/$RELEASE/updates/nvgpu-vfio-pci.ko"
	output_has "version: 0.1.0"
	output_has "modinfo nvidia (not installed)"
	output_has "reset_method: flr bus"
	output_has "coherent_memory/usemem_size $((96 << 30))"
	output_has "00: de 10 42 23 02 00 10 00"
	output_has "140: 03 00 01 00 00 00"
	output_has "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	output_has "Serial Number: xxxxxxxxxxxxx"
	# "nvidia,g", in a table.
	output_has "6e 76 69 64 69 61 2c 67"
	run nvgpuctl report --full --output -
	output_has "140: 03 00 01 00 11 22"
	output_has "GPU-0a1b2c3d-1111-2222-3333-444455556666"
	output_has "Serial Number: 1650522012345"
	command -v lspci >/dev/null || skip "no lspci here"
	{ echo "$A 3D controller"; sed -n "/config space/,/^$/s/^[0-9a-f]*: .*/&/p" <<<"$output"; } |
		sed '/^ff0:/q' >"$HOST/dump"
	run lspci -F "$HOST/dump" -vv
	output_has "Device Serial Number 00-00-00-00-00-00-22-11"
}

@test "colour: never without a terminal, always with --color=always" {
	run nvgpuctl show "$A"
	output_lacks $'\033'
	run nvgpuctl show --color=always "$A"
	grep -q $'\033' <<<"$output"
	run nvgpuctl show --color=sometimes "$A"
	status_is 2
}

@test "every command has --help with its exit statuses, in 80 columns" {
	local command

	for command in "" list show map bind unbind doctor gen alias report; do
		# shellcheck disable=SC2086 # the empty one is none
		run nvgpuctl $command --help
		status_is 0
		grep -qi "exit status" <<<"$output"
		fits_80_columns
	done
}

@test "--json: every document has a schema with a number" {
	local command

	for command in list show map doctor alias "gen qemu" "bind $A" "unbind $A" "report --output $HOST/report"; do
		# shellcheck disable=SC2086 # words of a command
		run nvgpuctl --json $command
		status_is 0
		json 'd["schema"]' | grep -qE '^nvgpu\.[a-z]+/[0-9]+$'
	done
}

@test "a full disk is an error" {
	run bash -c "'$BIN/nvgpuctl-test' --sysroot '$HOST' show >/dev/full"
	status_is 1
	output_has "writing the output failed"
}
