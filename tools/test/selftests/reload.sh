#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Load, bind, open, reset, unbind, unload of everything, over and over: nothing
# may be left behind.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${NVGPU_BIN:-/lab/bin}
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

DRIVER=nvgpu_vfio_pci
MODULE=nvgpu-vfio-pci
ROUNDS=20

# What must be the same before and after; a sim's own pool is part of iomem only while it is loaded.
state() {
	echo "modules: $(for module in nvgpu_sim nvgpu_vfio_pci; do module_is_loaded $module && echo $module; done)"
	echo "iomem: $(cat /proc/iomem)"
	echo "groups: $(ls /sys/kernel/iommu_groups)"
	echo "vfio: $(find /dev/vfio -type c ! -name vfio 2>/dev/null)"
	echo "functions: $(ls $PCI_ROOT/devices)"
}

unload() {
	modprobe -r "$1" || return
	! module_is_loaded "$1" || complain "$1 is still loaded"
}

one_round() {
	local bdf

	load_sim && make_gpu reload && bdf=$(gpu_bdf reload) || return
	bind_gpu "$bdf" "$DRIVER" || return
	"$BIN/gpu-layout" --plain "$bdf" >/dev/null || complain "cannot open $bdf" || return
	unload "$MODULE" 2>/dev/null && complain "$MODULE could be unloaded while bound" && return 1
	unbind_gpu "$bdf" && unload "$MODULE" && remove_gpu reload && unload nvgpu-sim
}

all_rounds() {
	local round

	for ((round = 1; round <= ROUNDS; round++)); do
		one_round || complain "in round $round" || return
	done
}

same_state() {
	local after

	after=$(state)
	[ "$BEFORE" = "$after" ] || complain "$(diff <(printf '%s' "$BEFORE") <(printf '%s' "$after"))"
}

tap_plan 4
modprobe -r $MODULE nvgpu-sim
BEFORE=$(state)
check "$ROUNDS rounds of load, bind, open, unbind, unload" all_rounds
check "modules, iomem, groups, device files and functions as before" same_state
check "kmemleak finds nothing" no_leak_found
check "the simulator loads again" load_sim
tap_end
