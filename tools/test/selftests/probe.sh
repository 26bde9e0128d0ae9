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

# bind_once GPU ERROR ATTRIBUTE=VALUE...: "" for no error. Sets TOOK, the ms of the bind,
# and WAITED, those of the wait for the hardware, at most: one that succeeds ends with the
# training, which begins when the GPU is plugged in, one that fails with the driver's limit.
bind_once() {
	local gpu=$1 want=$2 bdf plugged begin out ret=0

	shift 2
	mark_kernel_log "probe-$gpu"
	read_clock
	plugged=$NOW_MS
	make_gpu "$gpu" "$@" || return
	bdf=$(gpu_bdf "$gpu")
	prepare_bind "$bdf" "$DRIVER" || ret=1
	read_clock
	begin=$NOW_MS
	out=$(bind_prepared "$bdf" "$DRIVER" 2>&1)
	read_clock
	TOOK=$((NOW_MS - begin))
	[ -n "$want" ] || begin=$plugged
	WAITED=$((NOW_MS - begin + 10))
	[ "${out##*: }" = "$want" ] || complain "bind gave \"$out\", expected \"$want\"" || ret=1
	[ -z "$want" ] || [ "$DRIVER" != "$OURS" ] || kernel_log_since "probe-$gpu" | grep -qE "$bdf.*(not ready|BAR0)" ||
		complain "no message names the reason" || ret=1
	unbind_gpu "$bdf" || ret=1
	! claims | grep " $bdf\$" >&2 || complain "is still in iomem" || ret=1
	remove_gpu "$gpu" || ret=1
	return "$ret"
}

# bind_takes GPU MIN MAX ERROR ATTRIBUTE=VALUE...: ms that the driver has to wait, and that
# the bind may take. A busy host makes it longer; a driver that waits too long always does.
bind_takes() {
	local gpu=$1 min=$2 max=$3 want=$4

	shift 4
	for _ in 1 2 3; do
		bind_once "$gpu" "$want" "$@" || return
		[ "$WAITED" -ge "$min" ] ||
			complain "the bind ended after $WAITED ms, expected at least $min" || return
		[ "$TOOK" -gt "$max" ] || return 0
	done
	complain "bind took $TOOK ms, expected at most $max, three times"
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

# A driver is noted for the function before its probe is called.
await_probe() {
	local left=600

	until [ "$(driver_of "$1")" = "$DRIVER" ]; do
		[ "$left" -gt 0 ] || complain "no bind has begun after 60 s" || return
		left=$((left - 1))
		sleep 0.1
	done
	sleep 1
}

# Sets TOOK: ms that a bind went on after its GPU was pulled out.
pull_out() {
	local bdf begin out=$OUT/pulled ret=0

	make_gpu probe never_ready=1 || return
	bdf=$(gpu_bdf probe)
	bind_gpu "$bdf" "$DRIVER" 2>"$out" &
	await_probe "$bdf" || ret=1
	read_clock
	begin=$NOW_MS
	write_attr "$SIM_ROOT/probe/unplug" 1 || ret=1
	! wait "$!" || complain "the bind succeeded" || ret=1
	read_clock
	TOOK=$((NOW_MS - begin))
	grep -q 'No such device' "$out" || complain "the bind gave: $(cat "$out")" || ret=1
	remove_gpu probe || ret=1
	return "$ret"
}

# Nobody waits to the limit for a GPU that has gone.
pulled_out() {
	for _ in 1 2 3; do
		pull_out || return
		[ "$TOOK" -gt 3000 ] || return 0
	done
	complain "the bind went on for $TOOK ms, three times"
}

modprobe "${DRIVER//_/-}"
tap_plan 9
check "a GPU that is ready binds at once" bind_takes probe 0 1500 ""
check "training of 2000 ms" bind_takes probe 2000 3500 "" training_ms=2000
check "CXL: a GPU that is ready binds at once" bind_takes probe 0 1500 "" cxl=1
check "CXL: memory active after 2000 ms" bind_takes probe 2000 3500 "" cxl=1 cxl_timeout=1 training_ms=2000
check "CXL: memory never active" bind_takes probe 1000 4000 "Timer expired" cxl=1 cxl_timeout=0 cxl_inactive=1
check "BAR0 too short for the registers" bind_takes probe 0 1500 "No such device" bar0_size=65536
check "pulled out while it is waited for" pulled_out
# Both take the 30 s that the hardware may: at once, so that it is 30 s once.
start_bind c2c 30000 36000 "Timer expired" c2c_down=1
start_bind training 30000 36000 "Timer expired" never_ready=1 memory_size=1536M
wait
check "C2C link down" finish_bind c2c
check "training never ends" finish_bind training
tap_end
