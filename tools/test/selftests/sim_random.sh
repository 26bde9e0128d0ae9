#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Random sequences of operations on simulated GPUs, by several workers that share
# them: none may hang, upset the kernel, or leave anything behind. Most operations
# are refused, as the GPU is not there, plugged in, or in somebody else's hands:
# only the end counts.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

SEED=$((SRANDOM % 32768))
SEQUENCES=50		# at least, by all workers together
OPERATIONS=20		# of a sequence
SECONDS_MIN=20
PATIENCE=300		# seconds more, for what has to be reached
WORKERS=4
GPUS=3
DRIVER=vfio-pci
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT

# Weights: what makes GPUs come, live and go must not drown in faults.
ACTS=(make make identity identity identity live live live off remove bind bind
	unbind reset reset fault fault fault fault event read)
IDENTITIES=(device_id=0x2342 device_id=0x2941 device_id=0x31c2 mig_fixed=1 mig_fixed=0
	memory_size=512M memory_size=3712M memory_size=0 memory_size=12345 memory_base=auto
	memory_base=0x1000000000 "properties=base size" properties=base properties=size
	properties=none bar0_size=64K bar0_size=16M bar2_size=0 bar2_size=128M bar4_size=0
	bar4_size=3 cxl=1 cxl=0 cxl_timeout=0 cxl_timeout=9 reset_methods=flr reset_methods=pm
	"reset_methods=flr pm" reset_methods=none no_soft_reset=0 no_soft_reset=1
	domain=auto domain=10 functions=1 functions=2)
# Not fail_reset: the kernel waits a minute for such a GPU, which leaves no time.
FAULTS=(c2c_down=1 c2c_down=0 training_ms=50 training_ms=0 never_ready=1 never_ready=0
	cxl_inactive=1 cxl_inactive=0 config_ff_ms=20 config_ff_ms=0 memory_on_reset=lose
	memory_on_reset=keep)
EVENTS=(poison=0 poison=65536 poison=0xffffffffffff fire_msi=0 fire_msi=15 fire_msi=16 unplug=1)
OBSERVED=(dev_name resets config_log dma_map memory_range live device_id)

usage() {
	cat <<-END
	usage: $0 [--sequences N] [--seed N]
	Does random things to simulated GPUs, $OPERATIONS operations in each sequence, by $WORKERS
	workers at once, and prints TAP. Needs root, and nvgpu-sim not in use.

	  --sequences N   how many, at least (default: $SEQUENCES)
	  --seed N        of the random numbers; repeats a run as far as the scheduler lets
	                  it (default: another each time)
	  --help          this text

	Exit status: 0 all passed, 1 something failed, 2 wrong usage.
	END
}

# require_number OPTION [VALUE]
require_number() {
	[[ ${2:-} =~ ^(0|[1-9][0-9]*)$ ]] && return
	printf '%s: %s wants a number; see --help\n' "$0" "$1" >&2
	exit 2
}

parse() {
	while [ $# -gt 0 ]; do
		case $1 in
		--sequences)
			require_number "$@"
			SEQUENCES=$2
			PATIENCE=$((PATIENCE + 3 * SEQUENCES))
			;;
		--seed)
			require_number "$@"
			SEED=$2
			;;
		--help) usage; exit 0 ;;
		*) usage >&2; exit 2 ;;
		esac
		shift 2
	done
}

# pick ITEM...: sets PICKED; RANDOM of a subshell would go its own way.
pick() {
	shift $((RANDOM % $#))
	PICKED=$1
}

# poke FILE VALUE: without a process, in one write.
poke() {
	printf '%s' "$2" >"$1"
}

# poke_random GPU ATTRIBUTE=VALUE...
poke_random() {
	local gpu=$1

	shift
	pick "$@"
	poke "$SIM_ROOT/$gpu/${PICKED%%=*}" "${PICKED#*=}"
}

# Sets BDF; fails if the GPU has no function now.
find_bdf() {
	BDF=
	read -r BDF <"$SIM_ROOT/$1/dev_name" && [ -n "$BDF" ]
}

bind_random() {
	find_bdf "$1" &&
		poke "$PCI_ROOT/devices/$BDF/driver_override" "$DRIVER" &&
		poke "$PCI_ROOT/drivers/$DRIVER/bind" "$BDF"
}

# act ACT GPU
act() {
	case $1 in
	make) mkdir "$SIM_ROOT/$2" ;;
	identity) poke_random "$2" "${IDENTITIES[@]}" ;;
	live) poke "$SIM_ROOT/$2/live" 1 ;;
	off) poke "$SIM_ROOT/$2/live" 0 ;;
	remove) rmdir "$SIM_ROOT/$2" ;;
	bind) bind_random "$2" ;;
	unbind) find_bdf "$2" && poke "$PCI_ROOT/drivers/$DRIVER/unbind" "$BDF" ;;
	reset) find_bdf "$2" && poke "$PCI_ROOT/devices/$BDF/reset" 1 ;;
	fault) poke_random "$2" "${FAULTS[@]}" ;;
	event) poke_random "$2" "${EVENTS[@]}" ;;
	read) pick "${OBSERVED[@]}" && cat "$SIM_ROOT/$2/$PICKED" ;;
	esac
}

# "ACT SUCCEEDED" for each operation.
sequence() {
	local i act success

	for ((i = 0; i < OPERATIONS; i++)); do
		pick "${ACTS[@]}"
		act=$PICKED
		success=1
		act "$act" "random$((RANDOM % GPUS))" >/dev/null 2>&1 || success=0
		echo "$act $success"
	done
}

# work NUMBER
work() {
	RANDOM=$((SEED + $1))
	while [ ! -e "$OUT/stop" ]; do
		sequence
		echo >>"$OUT/sequences"
	done
}

count() {
	wc -l <"$OUT/sequences"
}

# On a slow machine the least that has to be reached takes longer than usual.
work_together() {
	local i

	: >"$OUT/sequences"
	for ((i = 0; i < WORKERS; i++)); do
		work "$i" >"$OUT/$i" &
	done
	sleep "$SECONDS_MIN"
	SECONDS=0
	until [ "$(count)" -ge "$SEQUENCES" ] && every_kind_succeeded >/dev/null; do
		[ $SECONDS -lt $PATIENCE ] || break
		sleep 2
		[ $((SECONDS % 20)) -gt 1 ] || echo "# $(count) of $SEQUENCES sequences"
	done
	: >"$OUT/stop"
	wait
}

# Each kind of operation must have succeeded, or this test tests nothing.
every_kind_succeeded() {
	awk -v kinds="${ACTS[*]}" '
		{ tries[$1]++; done[$1] += $2 }
		END {
			count = split(kinds, kind, " ")
			for (i = 1; i <= count; i++)
				if (!done[kind[i]] && !(kind[i] in none)) {
					none[kind[i]]
					text = text " " kind[i]
				}
			if (text)
				print "never succeeded:" text
			exit text != ""
		}
	' "$OUT"/[0-9]*
}

print_counts() {
	awk '
		{ tries[$1]++; done[$1] += $2 }
		END { for (kind in tries) printf "# %s: %d of %d succeeded\n", kind, done[kind], tries[kind] }
	' "$OUT"/[0-9]* | sort
}

# At any time: what is left of GPUs must go away by the usual steps.
take_away() {
	local dir

	for dir in "$SIM_ROOT"/random*; do
		[ -d "$dir" ] || continue
		remove_gpu "${dir##*/}" || return
	done
}

unload_sim() {
	modprobe -r nvgpu-sim || return
	! module_is_loaded nvgpu-sim || complain "nvgpu-sim is still loaded"
}

# What a world without the simulator looks like.
state() {
	echo "iomem: $(cat /proc/iomem)"
	echo "groups: $(ls /sys/kernel/iommu_groups)"
	echo "vfio: $(find /dev/vfio -type c ! -name vfio 2>/dev/null)"
	echo "functions: $(ls $PCI_ROOT/devices)"
	echo "domains of interrupts: $(grep -c nvgpu /proc/interrupts)"
}

same_state() {
	state >"$OUT/after"
	diff "$OUT/before" "$OUT/after"
}

parse "$@"
tap_plan 8
modprobe -r nvgpu-vfio-pci nvgpu-sim
state >"$OUT/before"
modprobe "$DRIVER"
check "load the simulator" load_sim
echo "# seed $SEED, $WORKERS workers, $GPUS GPUs, $SEQUENCES sequences of $OPERATIONS operations"
work_together
print_counts
COUNT=$(count)
check "$COUNT sequences are at least $SEQUENCES" [ "$COUNT" -ge "$SEQUENCES" ]
check "every kind of operation succeeded" every_kind_succeeded
check "take all GPUs away" take_away
check "unload the simulator" unload_sim
check "iomem, groups, device files and functions as before" same_state
check "kmemleak finds nothing" no_leak_found
check "the simulator loads again" load_sim
tap_end
