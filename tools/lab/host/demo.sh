#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The demonstration, inside the emulated host. tools/demo starts it.

# shellcheck disable=SC2317,SC2329 # functions that "step" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${NVGPU_BIN:-/lab/bin}
GPU=demo

# shellcheck source=../../test/selftests/lib/gpu.sh
. "$HERE/../../test/selftests/lib/gpu.sh"
# shellcheck source=../../test/selftests/lib/guest.sh
. "$HERE/../../test/selftests/lib/guest.sh"
# shellcheck source=screen.sh
. "$HERE/screen.sh"
# The least that shows padding in both BARs: each GiB costs a machine that has never used it
# four seconds.
MEMORY=2688M
GUEST_SECONDS=480	# less than the lab gives the host

usage() {
	cat <<-END
	usage: $0 [--ascii] [--colour]
	Shows the driver at work on a simulated GPU. Runs inside the emulated host of
	tools/lab; "tools/demo" is the command for people.

	  --ascii   draw without Unicode
	  --colour  titles and results in colour
	  --help    this text

	Exit status: 0 every step worked, 1 a step failed, 2 wrong usage. The last line
	is "demo: PASS" or "demo: FAIL".
	END
}

# What must be the same before and after, one line each.
snapshot() {
	printf 'modules\t%s\n' "$(cut -d' ' -f1 /proc/modules | grep -E '^(nvgpu|vfio)' | sort | tr '\n' ' ')"
	printf 'iomem\t%s\n' "$(md5sum </proc/iomem)"
	printf 'PCI functions\t%s\n' "$(find $PCI_ROOT/devices/ -type l | wc -l)"
	printf 'IOMMU groups\t%s\n' "$(find /sys/kernel/iommu_groups -mindepth 1 -maxdepth 1 | wc -l)"
	printf 'configfs\t%s\n' "$(find /sys/kernel/config/nvgpu-sim -mindepth 1 2>/dev/null | wc -l)"
	printf '/dev/vfio\t%s\n' "$(find /dev/vfio -type c 2>/dev/null | wc -l)"
}

make_the_gpu() {
	title "A GPU as firmware and PCI describe it"
	note "nvgpu-sim plugs in a Grace Hopper GPU, with little memory; no driver has it yet."
	show "modprobe nvgpu-sim" || return
	show "mkdir $SIM_ROOT/$GPU" || return
	show "echo $MEMORY >$SIM_ROOT/$GPU/memory_size" || return
	show "echo 1 >$SIM_ROOT/$GPU/live" || return
	BDF=$(gpu_bdf "$GPU")
	show "lspci -v -s $BDF"
}

bind_it() {
	title "Bind it to nvgpu-vfio-pci"
	note "driver_override chooses the driver; nothing else would bind it."
	show "modprobe nvgpu-vfio-pci" || return
	show "echo nvgpu_vfio_pci >$PCI_ROOT/devices/$BDF/driver_override" || return
	show "echo $BDF >$PCI_ROOT/drivers_probe" || return
	show "readlink $PCI_ROOT/devices/$BDF/driver" || return
	show "dmesg | grep 'nvgpu_vfio_pci $BDF' | tail -n 2" || return
	[ "$(driver_of "$BDF")" = nvgpu_vfio_pci ]
}

show_layout() {
	title "How its memory becomes BARs"
	note "Drawn from region info, the BAR registers and /proc/iomem."
	show "$BIN/gpu-layout ${ASCII:+$ASCII }$BDF"
}

ask_kvm() {
	title "Does KVM map device memory cacheable?"
	note "KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED (Linux 6.17): 1 keeps usemem cached in a guest."
	show "$BIN/kvm-cap" || return
	[ "$("$BIN/kvm-cap")" = "cacheable-pfnmap: 1" ] ||
		complain "   usemem will not be cached in the guest: older kernel, or a CPU without FWB and DIC"
}

# The guest's own verdict counts, not that of QEMU alone.
run_guest() {
	local layout work status=0

	title "A Linux guest uses the GPU, as PCI shows it and as its driver does"
	note "QEMU with KVM and UEFI. The guest sizes the BARs, fills and checks all memory. Then BAR4"
	note "becomes memory of a NUMA node, programs use that, and it goes offline again."
	layout=$("$BIN/gpu-layout" --plain "$BDF") || return
	work=$(mktemp -d)
	guest_numa_initrd "$work/initrd" || return
	GUEST_MEMORY=$(cat "$SIM_ROOT/$GPU/memory_size")
	GUEST_APPEND=" nvgpu.bar4=$(guest_memory "$layout" 4) nvgpu.bar2=$(guest_memory "$layout" 2)"
	guest_prepare_numa "$work/initrd" "$BDF"
	show_command "${GUEST_COMMAND[*]}"
	guest_run | tee "$work/log" | indent
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] || note "QEMU ended with status $status (124: it took more than $GUEST_SECONDS s)."
	[ "$status" -eq 0 ] && guest_passed "$work/log"
}

reset_it() {
	local before after

	title "Reset"
	before=$(cat "$SIM_ROOT/$GPU/resets")
	show "echo 1 >$PCI_ROOT/devices/$BDF/reset" || return
	after=$(cat "$SIM_ROOT/$GPU/resets")
	note "Resets that the GPU has seen: $before before, $after after."
	[ "$after" -gt "$before" ] && "$BIN/gpu-layout" --plain "$BDF" >/dev/null
}

unbind_it() {
	title "Unbind, unplug, unload"
	show "echo $BDF >$PCI_ROOT/drivers/nvgpu_vfio_pci/unbind" || return
	note "References to the module: $(module_refs nvgpu-vfio-pci); claims in iomem: $(claims | wc -l)."
	[ "$(module_refs nvgpu-vfio-pci)" = 0 ] && [ -z "$(claims)" ] || return
	show "modprobe -r nvgpu-vfio-pci" || return
	show "echo 0 >$SIM_ROOT/$GPU/live" || return
	show "rmdir $SIM_ROOT/$GPU" || return
	show "modprobe -r nvgpu-sim"
}

nothing_left() {
	local name before after ret=0 splats

	title "Is anything left behind?"
	after=$(snapshot)
	while IFS=$'\t' read -r name before; do
		result_line "$name as before" "$(grep -qxF "$name	$before" <<<"$after"; echo $?)" || ret=1
	done <<<"$BEFORE"
	splats=$(kernel_splats demo-begin)
	result_line "kernel log has no BUG, WARNING or Oops" "$([ -z "$splats" ]; echo $?)" || ret=1
	[ -z "$splats" ] || indent <<<"$splats"
	return "$ret"
}

ASCII=
for arg in "$@"; do
	case $arg in
	--ascii) ASCII=--ascii ;;
	--colour) use_colour ;;
	--help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
done

modprobe vfio_iommu_type1
modprobe vfio-pci-core
modprobe -r vfio-pci-core
mark_kernel_log demo-begin
BEFORE=$(snapshot)
step "the GPU is plugged in and visible" make_the_gpu
step "the driver binds by driver_override" bind_it
step "usemem and resmem are presented as BARs" show_layout
step "KVM keeps a cacheable mapping cacheable" ask_kvm
step "a guest sizes the BARs, uses all memory, and makes a NUMA node of it" run_guest
step "reset" reset_it
step "unbind, unplug, unload" unbind_it
step "nothing leaked" nothing_left
summary
