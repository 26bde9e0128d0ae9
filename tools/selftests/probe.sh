#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Readiness at bind: the driver waits for training, no longer than the hardware's
# limit, and refuses a GPU whose memory never gets there.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

OURS=nvgpu_vfio_pci
DRIVER=${NVGPU_DRIVER:-$OURS}

# Milliseconds of a monotonic clock.
now_ms() {
	local up

	read -r up _ </proc/uptime
	echo $((10#${up/./} * 10))
}

# bind_takes MIN MAX ERROR ATTRIBUTE=VALUE...: time of the bind in ms, "" for no error.
bind_takes() {
	local min=$1 max=$2 want=$3 bdf begin ms out ret=0

	shift 3
	mark_kernel_log probe-case
	make_gpu probe "$@" || return
	bdf=$(gpu_bdf probe)
	begin=$(now_ms)
	out=$(bind_gpu "$bdf" "$DRIVER" 2>&1)
	ms=$(($(now_ms) - begin))
	[ "${out##*: }" = "$want" ] || complain "bind gave \"$out\", expected \"$want\"" || ret=1
	[ "$ms" -ge "$min" ] || complain "bind took $ms ms, expected at least $min" || ret=1
	[ "$ms" -le "$max" ] || complain "bind took $ms ms, expected at most $max" || ret=1
	[ -z "$want" ] || [ "$DRIVER" != "$OURS" ] || kernel_log_since probe-case | grep -qE "$bdf.*(not ready|BAR0)" ||
		complain "no message names the reason" || ret=1
	unbind_gpu "$bdf" || ret=1
	[ -z "$(claims)" ] || complain "iomem still has: $(claims)" || ret=1
	remove_gpu probe || ret=1
	return "$ret"
}

# Nobody waits to the limit for a GPU that has gone.
pulled_out() {
	local bdf begin out ret=0

	make_gpu probe never_ready=1 || return
	bdf=$(gpu_bdf probe)
	out=$(mktemp)
	bind_gpu "$bdf" "$DRIVER" 2>"$out" &
	sleep 1
	begin=$(now_ms)
	write_attr "$SIM_ROOT/probe/unplug" 1 || ret=1
	! wait "$!" || complain "the bind succeeded" || ret=1
	[ $(($(now_ms) - begin)) -le 3000 ] || complain "the bind went on for $(($(now_ms) - begin)) ms" || ret=1
	grep -q 'No such device' "$out" || complain "the bind gave: $(cat "$out")" || ret=1
	rm "$out"
	remove_gpu probe || ret=1
	return "$ret"
}

modprobe "${DRIVER//_/-}"
tap_plan 9
check "a GPU that is ready binds at once" bind_takes 0 1500 ""
check "training of 2000 ms" bind_takes 1500 3500 "" training_ms=2000
check "CXL: a GPU that is ready binds at once" bind_takes 0 1500 "" cxl=1
check "CXL: memory active after 2000 ms" bind_takes 1500 3500 "" cxl=1 cxl_timeout=1 training_ms=2000
check "CXL: memory never active" bind_takes 900 4000 "Timer expired" cxl=1 cxl_timeout=0 cxl_inactive=1
check "C2C link down" bind_takes 29000 36000 "Timer expired" c2c_down=1
check "training never ends" bind_takes 29000 36000 "Timer expired" never_ready=1
check "pulled out while it is waited for" pulled_out
check "BAR0 too short for the registers" bind_takes 0 1500 "No such device" bar0_size=65536
tap_end
