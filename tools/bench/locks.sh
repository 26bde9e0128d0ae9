#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# By a trace of a program and its threads:
#
# wait    how long is memory_lock held while some read? That lock is the one which
#         vfio-pci-core takes when memory access is switched off.
# touch   how often does a fault of a huge page acquire a lock of the device, for itself
#         or shared with others? A lock of the device lies in the driver's struct, which
#         begins with that of vfio-pci-core.

set -u

TRACE=/sys/kernel/tracing
DEFINITIONS=$TRACE/dynamic_events
BUFFER_KB=32768
# What acquires a lock, shared with others by down_read, for itself by the rest.
LOCKS="down_read down_read_interruptible down_read_killable down_write down_write_killable
	mutex_lock mutex_lock_interruptible mutex_lock_killable mutex_trylock _raw_spin_lock
	_raw_spin_lock_bh _raw_spin_lock_irq _raw_spin_lock_irqsave _raw_spin_trylock"
# kmalloc gives either driver's struct so much, nvgpu for 1912 bytes and nvgrace-gpu for 1664.
STRUCT_SIZE=2048

usage() {
	echo "usage: $0 PROGRAM wait READERS | $0 PROGRAM touch: runs PROGRAM, prints figures"
}

# Entry of the functions that release, return from those that acquire.
events_of_wait() {
	cat <<-'END'
	f:bench/zap vfio_pci_zap_and_down_write_memory_lock vdev=$arg1
	f:bench/down_read down_read%return sem=$arg1
	f:bench/down_write down_write%return sem=$arg1
	f:bench/down_read_killable down_read_killable%return sem=$arg1 ret=$retval:s32
	f:bench/up_read up_read sem=$arg1
	f:bench/up_write up_write sem=$arg1
	END
}

# Faults, which of them are of the device, and all locks.
events_of_touch() {
	local function

	cat <<-'END'
	f:bench/fault_begins handle_mm_fault
	f:bench/fault_ends handle_mm_fault%return
	f:bench/insert vfio_pci_vmf_insert_pfn vdev=$arg1
	END
	for function in $LOCKS; do
		echo "f:bench/$function $function lock=\$arg1"
	done
}

# A function that the kernel does not have would not be counted.
define_events() {
	local event

	while read -r event; do
		echo "$event" >>"$DEFINITIONS" || return
	done
}

remove_events() {
	echo 0 >"$TRACE/events/bench/enable"
	echo >"$TRACE/set_event_pid"
	echo >"$DEFINITIONS"
	echo >"$TRACE/trace"
}

# From the trace: the longest time, and the median, between acquisition and release.
print_wait() {
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

# From the trace: acquisitions per fault. The upper 16 bits of a kernel address are set,
# and more than gawk can count.
print_touch() {
	gawk -v size="$STRUCT_SIZE" '
		function address(text) { sub(/.*=0xffff/, "0x", text); return strtonum(text) }
		{
			for (i = 2; i <= NF; i++) {
				if ($i ~ /^[0-9]+\.[0-9]+:$/) event = $(i + 1)
				if ($i ~ /^(lock|vdev)=/) at = address($i)
			}
		}
		event == "fault_begins:" { nr = device = 0; next }
		event == "insert:" { device = at; next }
		event != "fault_ends:" {
			kind[nr] = event ~ /^down_read/ ? "shared" : "exclusive"
			lock[nr++] = at
			next
		}
		device {
			faults++
			for (i = 0; i < nr; i++) {
				at = lock[i] - device
				if (at >= 0 && at < size)
					count[kind[i]]++
			}
		}
		END {
			if (!faults) exit 1
			split("shared exclusive", kinds)
			for (i = 1; i <= 2; i++)
				printf "bench\tfaults/%s-locks\t/fault\t%.10g\t-\t0\n", kinds[i],
					count[kinds[i]] / faults
		}'
}

main() {
	local what=$2 lost

	echo "$BUFFER_KB" >"$TRACE/buffer_size_kb"
	echo 1 >"$TRACE/options/event-fork"
	"events_of_$what" | define_events || return
	echo $BASHPID >"$TRACE/set_event_pid"
	echo 1 >"$TRACE/events/bench/enable"
	"$@" || return
	echo 0 >"$TRACE/events/bench/enable"
	lost=$(cat "$TRACE"/per_cpu/cpu*/stats | awk '/^overrun:/ { n += $2 } END { print n + 0 }')
	[ "$lost" -eq 0 ] || echo "# the trace lost $lost events"
	"print_$what" "${3:-}" <"$TRACE/trace"
}

case ${2:-} in
wait | touch) ;;
*) usage >&2; exit 2 ;;
esac
trap remove_events EXIT
main "$@"
