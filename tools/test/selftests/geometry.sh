#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Firmware nonsense: each bad description is refused with its errno and a message
# that names the cause, and leaves nothing claimed.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${NVGPU_BIN:-/lab/bin}
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

OURS=nvgpu_vfio_pci
DRIVER=${NVGPU_DRIVER:-$OURS}
GiB=$((1 << 30))
PAGE=$(getconf PAGE_SIZE)

# Physical start of System RAM; nothing is written there, the sim only tells it.
system_ram() {
	printf '0x%s' "$(sed -n '/System RAM/{s/ *\([0-9a-f]*\)-.*/\1/p;q}' /proc/iomem)"
}

# Bits of a physical address; processors that do not tell have enough.
physical_bits() {
	local bits

	bits=$(sed -n '/bits physical/{s/.*: \([0-9]*\) bits physical.*/\1/p;q}' /proc/cpuinfo)
	echo "${bits:-48}"
}

# An address below all System RAM, at most 1 GiB before it.
below_system_ram() {
	local start

	start=$(($(system_ram)))
	echo $((start > GiB ? start - GiB : 0))
}

# The last byte of the last System RAM.
system_ram_end() {
	awk '/System RAM/ { last = $1 } END { sub(/.*-/, "0x", last); print last }' /proc/iomem
}

# refused ERROR MESSAGE ATTRIBUTE=VALUE...: bind fails with this error and message.
refused() {
	local want=$1 message=$2 bdf out log ret=0

	shift 2
	mark_kernel_log geometry-case
	make_gpu geometry "$@" || return
	bdf=$(gpu_bdf geometry)
	if out=$(bind_gpu "$bdf" "$DRIVER" 2>&1); then
		complain "bind succeeded, expected \"$want\"" || ret=1
		unbind_gpu "$bdf"
	fi
	log=$(kernel_log_since geometry-case "$DRIVER $bdf")
	if [ "$ret" -eq 0 ] && [ "${out##*: }" != "$want" ]; then
		complain "bind failed with \"${out##*: }\", expected \"$want\"" || ret=1
	elif [ "$ret" -eq 0 ] && [ "$DRIVER" = "$OURS" ] && ! [[ $log =~ $message ]]; then
		complain "no message with \"$message\" but: $log" || ret=1
	fi
	[ -z "$(claims)" ] || complain "iomem still has: $(claims)" || ret=1
	remove_gpu geometry || ret=1
	return "$ret"
}

# The same memory described for two GPUs: the second bind fails, the first goes on.
claimed_twice() {
	local first out ret=0

	make_gpu geometry && first=$(gpu_bdf geometry) && bind_gpu "$first" "$DRIVER" || return
	make_gpu geometry2 "memory_base=$(cut -d- -f1 "$SIM_ROOT/geometry/memory_range")" || return
	out=$(bind_gpu "$(gpu_bdf geometry2)" "$DRIVER" 2>&1)
	[ "${out##*: }" = "Device or resource busy" ] || complain "the second bind gave \"$out\"" || ret=1
	[ "$(driver_of "$first")" = "$DRIVER" ] || complain "the first GPU lost its driver" || ret=1
	remove_gpu geometry2 && unbind_gpu "$first" && remove_gpu geometry || return
	return "$ret"
}

# Without properties the function is served as vfio-pci would: BAR2 and BAR4 as hardware has them.
plain_function() {
	local bdf plain ret=0

	mark_kernel_log geometry-case
	make_gpu geometry properties=none || return
	bdf=$(gpu_bdf geometry)
	bind_gpu "$bdf" "$DRIVER" || return
	plain=$("$BIN/gpu-layout" --plain "$bdf") || ret=1
	grep -qx "bar2.size=$((128 << 20))" <<<"$plain" || complain "BAR2 is not the hardware's: $plain" || ret=1
	grep -qx "bar4.size=$((32 << 20))" <<<"$plain" || complain "BAR4 is not the hardware's: $plain" || ret=1
	[ -z "$(claims)" ] || complain "iomem has a claim: $(claims)" || ret=1
	[ "$DRIVER" != "$OURS" ] || kernel_log_since geometry-case | grep -q "$bdf.*no GPU memory" ||
		complain "no message says that firmware describes no memory" || ret=1
	unbind_gpu "$bdf"
	remove_gpu geometry
	return "$ret"
}

good_description() {
	local bdf

	make_gpu geometry "$@" || return
	bdf=$(gpu_bdf geometry)
	if ! bind_gpu "$bdf" "$DRIVER"; then
		remove_gpu geometry
		return 1
	fi
	unbind_gpu "$bdf" && remove_gpu geometry
}

# The rules in the order of the design: the first that is broken is the one that counts.
every_combination() {
	local mig base size want ret=0

	for mig in 0 1; do
		for base in $FREE $((FREE + 0x800)) 0xfffffffffffff000; do
			for size in 0 $((3 * GiB + 512)) $GiB $((4 * GiB)) $((2049 * GiB)); do
				want=$(expected "$mig" "$base" "$size")
				outcome "$want" "mig_fixed=$mig" "memory_base=$base" "memory_size=$size" ||
					complain "with mig_fixed=$mig memory_base=$base memory_size=$size" || ret=1
			done
		done
	done
	return "$ret"
}

# expected MIG BASE SIZE: the error, or "bound".
expected() {
	if [ "$3" = 0 ]; then
		echo "No such device"
	elif [ $(($2 % PAGE)) -ne 0 ] || [ $(($3 % PAGE)) -ne 0 ] || [ "$2" = 0xfffffffffffff000 ]; then
		echo "Invalid argument"
	elif [ "$1" = 0 ] && [ "$3" -lt $((3 * GiB / 2)) ]; then
		echo "Invalid argument"
	elif [ "$3" -gt $((1026 * GiB)) ]; then
		echo "Argument list too long"
	else
		echo bound
	fi
}

# outcome WANT ATTRIBUTE=VALUE...
outcome() {
	local want=$1

	shift
	if [ "$want" = bound ]; then
		good_description "$@"
	else
		refused "$want" nvidia,gpu-mem "$@"
	fi
}

# Where no machine of the lab has anything.
FREE=$((1 << 40))
[ "$(physical_bits)" -gt 40 ] || FREE=$((1 << 39))

tap_plan 18
check "size 0" refused "No such device" 'nvidia,gpu-mem-size.* 0' memory_size=0
check "base without size" refused "No such device" 'nvidia,gpu-mem-size' properties=base
check "size without base" refused "No such device" 'nvidia,gpu-mem-base-pa' properties=size
check "misaligned base" refused "Invalid argument" 'base.*multiple' memory_base=0x10000000800
check "misaligned size" refused "Invalid argument" 'size.*multiple' memory_size=$((3 * GiB + 512))
check "too small for resmem" refused "Invalid argument" 'at least' memory_size=$GiB
check "address overflow" refused "Invalid argument" 'physical address space' \
	memory_base=0xffffffffc0000000 memory_size=$((4 * GiB))
check "base beyond what the host can address" refused "Invalid argument" \
	'physical address space' memory_base=$((1 << 52)) memory_size=$((4 * GiB))
check "BAR beyond vfio's region window" refused "Argument list too long" '1 TiB' \
	memory_base=0x20000000000 memory_size=$((1025 * GiB + 512 * (1 << 20)))
check "overlap with System RAM" refused "Device or resource busy" 'System RAM' \
	"memory_base=$(system_ram)" memory_size=$((3 * GiB / 2))
check "overlap that ends in System RAM" refused "Device or resource busy" 'System RAM' \
	"memory_base=$(below_system_ram)" memory_size=$((3 * GiB / 2))
check "overlap that begins in System RAM" refused "Device or resource busy" 'System RAM' \
	"memory_base=$(($(system_ram_end) - PAGE + 1))" memory_size=$((3 * GiB / 2))
check "System RAM within" refused "Device or resource busy" 'System RAM' \
	"memory_base=$(below_system_ram)" memory_size=$((5 * GiB))
if [ "$(physical_bits)" -gt 40 ]; then
	check "a BAR of exactly 1 TiB" good_description memory_base=$FREE \
		memory_size=$((1024 * GiB)) mig_fixed=1
else
	skip "a BAR of exactly 1 TiB" "this host's physical addresses end at 1 TiB"
fi
check "every combination of base and size" every_combination
check "memory claimed twice" claimed_twice
check "no properties: plain vfio-pci" plain_function
check "a good description after all this" good_description
tap_end
