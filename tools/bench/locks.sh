#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How long is memory_lock held, by a trace of all that one program does with rwsems?
# That lock is the one which vfio-pci-core takes when memory access is switched off.

set -u

TRACE=/sys/kernel/tracing
DEFINITIONS=$TRACE/dynamic_events
BUFFER_KB=32768

usage() {
	echo "usage: $0 READERS PROGRAM: runs 'PROGRAM wait READERS' and prints figures"
}

# Entry of the functions that release, return from those that acquire.
define_events() {
	local function

	echo "f:bench/zap vfio_pci_zap_and_down_write_memory_lock vdev=\$arg1" >>"$DEFINITIONS"
	for function in down_read down_write; do
		echo "f:bench/$function $function%return sem=\$arg1" >>"$DEFINITIONS"
	done
	echo "f:bench/down_read_killable down_read_killable%return sem=\$arg1 ret=\$retval:s32" \
		>>"$DEFINITIONS"
	for function in up_read up_write; do
		echo "f:bench/$function $function sem=\$arg1" >>"$DEFINITIONS"
	done
}

remove_events() {
	echo 0 >"$TRACE/events/bench/enable"
	echo >"$TRACE/set_event_pid"
	echo >"$DEFINITIONS"
	echo >"$TRACE/trace"
}

# From the trace: the longest time, and the median, between acquisition and release.
hold_times() {
	gawk -v readers="$1" '
		function number(text) { sub(/.*=/, "", text); return text }
		{
			task = $1
			for (i = 2; i <= NF; i++) {
				if ($i ~ /^[0-9]+\.[0-9]+:$/) { time = $i + 0; event = $(i + 1) }
				if ($i ~ /^sem=/) sem = number($i)
				if ($i ~ /^ret=/) ret = number($i)
			}
		}
		event == "zap:" { searching[task] = 1 }
		event == "down_write:" && searching[task] { lock = sem; delete searching[task] }
		event == "down_read_killable:" && ret != 0 { next }
		event ~ /^down_/ { since[task, sem] = time; next }
		event ~ /^up_/ && (task, sem) in since {
			held[sem, count[sem]++] = time - since[task, sem]
			delete since[task, sem]
		}
		END {
			if (lock == "" || !count[lock]) exit 1
			for (i = 0; i < count[lock]; i++) sorted[i] = held[lock, i]
			n = asort(sorted)
			printf "bench\tlocks/longest-hold/%d\tns\t%.1f\t-\t0\n", readers, sorted[n] * 1e9
			printf "bench\tlocks/median-hold/%d\tns\t%.1f\t-\t0\n", readers,
				sorted[int((n + 1) / 2)] * 1e9
		}'
}

main() {
	local readers=$1 program=$2 lost

	echo "$BUFFER_KB" >"$TRACE/buffer_size_kb"
	echo 1 >"$TRACE/options/event-fork"
	define_events || return
	echo $BASHPID >"$TRACE/set_event_pid"
	echo 1 >"$TRACE/events/bench/enable"
	"$program" wait "$readers" || return
	echo 0 >"$TRACE/events/bench/enable"
	lost=$(cat "$TRACE"/per_cpu/cpu*/stats | awk '/^overrun:/ { n += $2 } END { print n + 0 }')
	[ "$lost" -eq 0 ] || echo "# the trace lost $lost events"
	hold_times "$readers" <"$TRACE/trace"
}

[ $# -eq 2 ] || { usage >&2; exit 2; }
trap remove_events EXIT
main "$@"
