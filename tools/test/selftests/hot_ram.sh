#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# System RAM that is hot-added into the GPU's memory: refused while the driver has
# claimed the range; the driver refuses a range where it came first.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

OURS=nvgpu_vfio_pci
DRIVER=${NVGPU_DRIVER:-$OURS}
MODULE=nvgpu-hot-ram
MEMORY=/sys/devices/system/memory

# add_ram: one block in the middle of the GPU's memory.
add_ram() {
	modprobe "$MODULE" "start=$MIDDLE" "size=$BLOCK"
}

remove_ram() {
	rmmod "$MODULE" || return
	! is_ram 2>/dev/null || complain "the System RAM stays: $(kernel_log_since hot-ram | tail -n 1)"
}

# refused_ram ERROR
refused_ram() {
	local out

	if out=$(add_ram 2>&1); then
		rmmod "$MODULE"
		complain "System RAM was added into the memory of a bound GPU"
		return
	fi
	[[ $out == *"$1"* ]] || complain "adding System RAM failed with: $out"
}

is_ram() {
	grep -qi "^ *$(printf '%08x' "$MIDDLE")-.*System RAM" /proc/iomem ||
		complain "iomem has no System RAM at $(printf '0x%x' "$MIDDLE")"
}

refused_bind() {
	local out

	mark_kernel_log hot-ram
	if out=$(bind_gpu "$BDF" "$DRIVER" 2>&1); then
		unbind_gpu "$BDF"
		complain "bind succeeded although a part of the memory is System RAM"
		return
	fi
	[ "${out##*: }" = "Device or resource busy" ] || complain "bind failed with: $out" || return
	[ "$DRIVER" != "$OURS" ] || kernel_log_since hot-ram "$DRIVER $BDF" | grep -q 'overlaps System RAM' ||
		complain "no message says that the memory overlaps System RAM"
}

[ -e "$MEMORY/auto_online_blocks" ] || tap_skip_all "this kernel cannot hot-add memory"
modinfo "$MODULE" >/dev/null 2>&1 || tap_skip_all "no module $MODULE for this kernel"
BLOCK=$((0x$(cat "$MEMORY/block_size_bytes")))

tap_plan 12
# Memory that is not online is System RAM as well, and nobody uses it meanwhile.
policy=$(cat "$MEMORY/auto_online_blocks")
echo offline >"$MEMORY/auto_online_blocks"
check "make a GPU" make_gpu hot_ram
BDF=$(gpu_bdf hot_ram)
range=$(cat "$SIM_ROOT/hot_ram/memory_range")
MIDDLE=$(((${range%-*} + (1 << 30)) / BLOCK * BLOCK))
check "bind" bind_gpu "$BDF" "$DRIVER"
check "System RAM in the memory of a bound GPU is refused" refused_ram "Device or resource busy"
check_is "the driver is still bound" "$(driver_of "$BDF")" "$DRIVER"
check "unbind" unbind_gpu "$BDF"
check "without the driver it is not refused" add_ram
check "iomem shows it" is_ram
check "bind is refused and says why" refused_bind
check_is "nothing is claimed" "$(claims)" ""
check "take the System RAM away" remove_ram
check "bind works again" bind_gpu "$BDF" "$DRIVER"
unbind_gpu "$BDF"
check "remove the GPU" remove_gpu hot_ram
echo "$policy" >"$MEMORY/auto_online_blocks"
tap_end
