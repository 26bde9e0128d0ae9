#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The walk-through of tools/sim/README, each command as it is printed there, and what
# the text around it promises.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
README=$HERE/../../sim/README
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

PEER=nvgrace-gpu-vfio-pci
RESET_AT=0	# when the last command that resets began, in seconds
OUT=$(mktemp)
CAUSE=$(mktemp)
trap 'rm -f "$OUT" "$CAUSE"' EXIT

# The commands of the chapter; those for the in-tree driver are a part of their own.
commands() {
	awk '/^Two minutes:/ { part = "sim" }
		/^The in-tree driver/ { part = "peer" }
		/^Delete the GPU/ { part = "sim" }
		/^What is not simulated/ { exit }
		part && /^    / { print part "\t" substr($0, 5) }' "$README"
}

bound_to() {
	local driver

	driver=$(driver_of "$(cat dev_name)")
	[ "$driver" = "$1" ] || complain "bound to \"$driver\", promised: \"$1\""
}

# The PCI core has enabled the root port: it found a place for each window.
port_works() {
	local port

	port=$(cat dev_name)
	port=${port%%:*}:00:00.0
	[ "$(driver_of "$port")" = pcieport ] || complain "the root port has no driver: $(dmesg | grep "$port" | tail -n 2)"
}

printed() {
	grep -q -- "$1" "$OUT" || complain "no \"$1\" in its output"
}

# took LEAST MOST: the last command, in seconds.
took() {
	if [ "$TOOK" -lt "$1" ] || [ "$TOOK" -gt "$2" ]; then
		complain "it took $TOOK s, promised: $1 to $2"
	fi
}

# waited LEAST: seconds for the training that the last reset began.
waited() {
	local seconds=$((SECONDS - RESET_AT))

	[ "$seconds" -ge "$1" ] || complain "$seconds s after the reset, promised: $1"
}

# promised COMMAND: what has to be true after it.
promised() {
	case $1 in
	"echo 1 > live")
		port_works
		;;
	"lspci -vv "*)
		printed "NVIDIA Corporation" && [ "$(cat "$PCI_ROOT/devices/$(cat dev_name)/device")" = 0x2941 ]
		;;
	"ls -l "*)
		printed "/vfio-pci$"
		;;
	"cat resets")
		printed "^1$"
		;;
	"time cat dev_name > "*)
		if [ "$(cat never_ready)" = 1 ]; then
			took 29 60 && bound_to ""
		else
			waited 5 && took 0 20 && bound_to nvgrace_gpu_vfio_pci
		fi
		;;
	esac
}

# by_hand COMMAND: in this shell, so that it goes where "cd" went.
by_hand() {
	local begin=$SECONDS

	[[ $1 != *" > "*/reset ]] || RESET_AT=$SECONDS
	eval "$1" >"$OUT" 2>&1 || complain "status $?: $(tail -n 1 "$OUT")" || return
	TOOK=$((SECONDS - begin))
	promised "$1" || complain "output: $(tail -n 3 "$OUT")"
}

# Not a "check", whose command runs in a shell of its own.
report_command() {
	local cause

	if [ "$1" = peer ] && [ -z "$HAVE_PEER" ]; then
		skip "$2" "no $PEER for this kernel"
	elif by_hand "$2" 2>"$CAUSE"; then
		pass "$2"
	else
		cause=$(tr '\n' ' ' <"$CAUSE")
		fail "$2" "${cause:-what README promises of it is not true}"
	fi
}

HAVE_PEER=$(modinfo -n $PEER 2>/dev/null)
mapfile -t COMMANDS < <(commands)
[ ${#COMMANDS[@]} -ge 25 ] || complain "only ${#COMMANDS[@]} commands in $README: is it another chapter now?" || exit
tap_plan $((${#COMMANDS[@]} + 1))
modprobe -r nvgpu-sim
for line in "${COMMANDS[@]}"; do
	report_command "${line%%	*}" "${line#*	}"
done
check "the simulator loads again" load_sim
tap_end
