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
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT

# Milliseconds of a monotonic clock.
now_ms() {
	local up

	read -r up _ </proc/uptime
	echo $((10#${up/./} * 10))
}

# bind_takes GPU MIN MAX ERROR ATTRIBUTE=VALUE...: time of the bind in ms, "" for no error.
bind_takes() {
	local gpu=$1 min=$2 max=$3 want=$4 bdf begin ms out ret=0

	shift 4
	mark_kernel_log "probe-$gpu"
	make_gpu "$gpu" "$@" || return
	bdf=$(gpu_bdf "$gpu")
	begin=$(now_ms)
	out=$(bind_gpu "$bdf" "$DRIVER" 2>&1)
	ms=$(($(now_ms) - begin))
	[ "${out##*: }" = "$want" ] || complain "bind gave \"$out\", expected \"$want\"" || ret=1
	[ "$ms" -ge "$min" ] || complain "bind took $ms ms, expected at least $min" || ret=1
	[ "$ms" -le "$max" ] || complain "bind took $ms ms, expected at most $max" || ret=1
	[ -z "$want" ] || [ "$DRIVER" != "$OURS" ] || kernel_log_since "probe-$gpu" | grep -qE "$bdf.*(not ready|BAR0)" ||
		complain "no message names the reason" || ret=1
	unbind_gpu "$bdf" || ret=1
	! claims | grep " $bdf\$" >&2 || complain "is still in iomem" || ret=1
	remove_gpu "$gpu" || ret=1
	return "$ret"
}

# start_bind GPU ...: bind_takes in the background, for finish_bind GPU.
start_bind() {
	{
		bind_takes "$@"
		echo $? >"$OUT/$1.status"
	} >"$OUT/$1" 2>&1 &
}

finish_bind() {
	cat "$OUT/$1"
	return "$(cat "$OUT/$1.status")"
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
check "a GPU that is ready binds at once" bind_takes probe 0 1500 ""
check "training of 2000 ms" bind_takes probe 1500 3500 "" training_ms=2000
check "CXL: a GPU that is ready binds at once" bind_takes probe 0 1500 "" cxl=1
check "CXL: memory active after 2000 ms" bind_takes probe 1500 3500 "" cxl=1 cxl_timeout=1 training_ms=2000
check "CXL: memory never active" bind_takes probe 900 4000 "Timer expired" cxl=1 cxl_timeout=0 cxl_inactive=1
check "BAR0 too short for the registers" bind_takes probe 0 1500 "No such device" bar0_size=65536
check "pulled out while it is waited for" pulled_out
# Both take the 30 s that the hardware may: at once, so that it is 30 s once.
start_bind c2c 29000 36000 "Timer expired" c2c_down=1
start_bind training 29000 36000 "Timer expired" never_ready=1 memory_size=1536M
wait
check "C2C link down" finish_bind c2c
check "training never ends" finish_bind training
tap_end
