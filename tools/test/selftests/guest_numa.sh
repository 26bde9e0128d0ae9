#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest that uses the GPU's memory as the GPU's own driver does: as a NUMA node. The
# stand-in for that driver is tools/lab/guest. Arguments: none for one GPU, "two" for two,
# "demands" for devices that break each a demand of the driver, "life" for a guest that is
# stopped, continued, reset and loses the GPU, "poison" for a page that fails in use, "starts"
# for ten starts.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"
# shellcheck source=lib/guest.sh
. "$HERE/lib/guest.sh"

DRIVER=${NVGPU_DRIVER:-nvgpu_vfio_pci}
GPUS=()
GUEST_DEVICES=()
GUEST_MEMORY=

# add_gpu NAME [ATTRIBUTE=VALUE...]: its registers tell the memory that it has.
add_gpu() {
	local bdf

	make_gpu "$@" || return
	bdf=$(gpu_bdf "$1")
	bind_gpu "$bdf" "$DRIVER" || return
	GPUS+=("$bdf")
	GUEST_MEMORY+=${GUEST_MEMORY:+,}$(<"$SIM_ROOT/$1/memory_size")
}

remove_gpus() {
	local bdf dir

	for bdf in "${GPUS[@]}"; do
		unbind_gpu "$bdf"
	done
	for dir in "$SIM_ROOT"/numa*; do
		[ ! -d "$dir" ] || remove_gpu "${dir##*/}"
	done
	GPUS=()
	GUEST_DEVICES=()
	GUEST_MEMORY=
}

# Fills LOG and STATUS.
run_guest() {
	guest_prepare_numa "$INITRD" "${GPUS[@]}"
	STATUS=0
	guest_run >"$LOG" || STATUS=$?
	sed 's/^/# /' "$LOG"
}

use_memory() {
	run_guest
	tap_plan $(($(grep -cE '^(PASS|FAIL|SKIP) ' "$LOG") + 2))
	report_guest_lines "$LOG"
	check_is "status of QEMU" "$STATUS" 0
	check "verdict of the guest" guest_passed "$LOG"
}

# breaks TEXT: the guest fails with the demand that has this in it, and with nothing else.
breaks() {
	local failed

	failed=$(grep '^FAIL ' "$LOG")
	[[ $failed == "FAIL demand: "*$1* && $failed != *$'\n'* ]] ||
		complain "the guest said \"$failed\", expected that a demand with \"$1\" is broken"
}

# device NAME DEMAND [ATTRIBUTE=VALUE...]: a GPU that breaks the demand.
device() {
	local name=$1 demand=$2

	shift 2
	add_gpu numa0 "$@" || return
	[ -z "${TOLD:-}" ] || GUEST_MEMORY=$TOLD
	run_guest
	check "$name" breaks "$demand"
	remove_gpus
}

demands() {
	tap_plan 6
	GUEST_GPU=",addr=0.1" GUEST_DEVICES=(-device "virtio-rng-pci,bus=port1,addr=0.0,multifunction=on")
	device "a GPU that is function 1" "is function 0"
	unset GUEST_GPU
	GUEST_DEVICES=(-device "virtio-rng-pci,id=other")
	GUEST_INITIATOR=other
	device "a Generic Initiator of another bus" "Generic Initiator entries"
	unset GUEST_INITIATOR
	GUEST_DEVICES=()
	device "a BAR4 that is no multiple of a memory block" "multiple of the memory block" \
		device_id=0x2941 mig_fixed=1 memory_size=64M bar2_size=64M
	TOLD=$((3 << 30)) device "no memory behind BAR4's middle" "memory behind all" \
		device_id=0x2941 mig_fixed=1 memory_size=2304M
	device "Blackwell without its physical BAR2" "the GPU's own" \
		device_id=0x2941 mig_fixed=1 memory_size=512M bar2_size=0
	TOLD=$((64 << 20)) device "less than a memory block" "a whole memory block" \
		device_id=0x2941 mig_fixed=1 memory_size=512M
}

# start_guest: in the background, with a monitor and the log in LOG.
start_guest() {
	mkfifo "$WORK/monitor.in" "$WORK/monitor.out"
	GUEST_DEVICES+=(-chardev "pipe,id=monitor,path=$WORK/monitor" -mon "chardev=monitor")
	guest_prepare_numa "$INITRD" "${GPUS[@]}"
	guest_run >"$LOG" &
	GUEST_PID=$!
	exec 3<>"$WORK/monitor.in" 4<>"$WORK/monitor.out"
}

# monitor COMMAND...
monitor() {
	printf '%s\n' "$*" >&3
}

# wait_for N REGEX: until the log has as many lines of it, or the guest is gone.
wait_for() {
	while [ "$(grep -cE "$2" "$LOG")" -lt "$1" ]; do
		kill -0 "$GUEST_PID" 2>/dev/null ||
			complain "the guest ended before line $1 of \"$2\"" || return
		sleep 0.2
	done
}

life() {
	GUEST_APPEND=" nvgpu.reset=1 nvgpu.wait=1" GUEST_DEVICES=(-action reboot=reset)
	start_guest
	tap_plan 10
	check "its program fills the memory" wait_for 1 'bound by mbind'
	monitor stop
	sleep 3
	monitor cont
	check "stopped and continued, it comes to its end" wait_for 1 '^guest-verdict'
	RESETS=$(<"$SIM_ROOT/numa0/resets")
	monitor system_reset
	check "it boots again" wait_for 2 '^guest is up'
	[ "$(<"$SIM_ROOT/numa0/resets")" -gt "$RESETS" ] || NO_RESET=none
	check_is "the reboot reset the GPU" "${NO_RESET:-}" ""
	check "it finds the memory again, after 2 s of training" wait_for 2 '^guest-verdict'
	monitor device_del gpu1
	check "hot unplug" wait_for 1 '^PASS the function is gone'
	STATUS=0
	wait "$GUEST_PID" || STATUS=$?
	sed 's/^/# /' "$LOG"
	check_is "status of QEMU" "$STATUS" 0
	check_is "verdicts of the guest" "$(grep -c "^guest-verdict $GUEST_TOKEN PASS" "$LOG")" 3
	check "verdict of the guest" guest_passed "$LOG"
	check_is "the driver still has the GPU" "$(driver_of "${GPUS[0]}")" "$DRIVER"
}

# Of QEMU and the guest only that they end is expected: what they do is recorded. The host
# and the guest of another GPU must not notice.
poison() {
	local token attr=$PCI_ROOT/devices/${GPUS[0]}/coherent_memory/poisoned_pages

	guest_prepare "${GPUS[1]}" || exit
	token=$GUEST_TOKEN
	guest_run >"$WORK/other" &
	OTHER_PID=$!
	unset 'GPUS[1]'
	GUEST_MEMORY=${GUEST_MEMORY%,*}
	start_guest
	tap_plan 8
	check "its program fills the memory" wait_for 1 'bound by mbind'
	check "a page in use fails" write_attr "$SIM_ROOT/numa0/poison" $((1 << 29))
	# QEMU 11 stops the VM and stays when KVM_RUN fails.
	wait_for 1 'kvm run failed|^guest-verdict' 2>/dev/null
	monitor quit
	STATUS=0
	wait "$GUEST_PID" || STATUS=$?
	sed 's/^/# /' "$LOG"
	echo "# QEMU ended with status $STATUS, the guest said: $(grep '^FAIL ' "$LOG" | head -n 1)"
	check_is "pages that failed" "$(<"$attr")" 1
	write_attr "$PCI_ROOT/devices/${GPUS[0]}/reset" 1
	check_is "pages that failed, after a reset" "$(<"$attr")" 0
	GUEST_DEVICES=()
	run_guest
	check_is "status of the next QEMU" "$STATUS" 0
	check "verdict of the next guest" guest_passed "$LOG"
	STATUS=0
	wait "$OTHER_PID" || STATUS=$?
	check_is "status of the QEMU of another GPU" "$STATUS" 0
	GUEST_TOKEN=$token
	check "verdict of its guest" guest_passed "$WORK/other"
}

starts() {
	local i

	tap_plan 10
	for i in {1..10}; do
		run_guest
		check "start $i" guest_passed "$LOG"
	done
}

WORK=$(mktemp -d)
INITRD=$WORK/initrd
LOG=$WORK/log
: >"$LOG"
trap 'remove_gpus; rm -rf "$WORK"' EXIT
guest_or_skip
[ "$("${NVGPU_BIN:-/lab/bin}/kvm-cap")" = "cacheable-pfnmap: 1" ] ||
	tap_skip_all "KVM of this kernel maps the memory as Device memory"
guest_numa_initrd "$INITRD" || exit
case ${1:-} in
two)
	add_gpu numa0 memory_size=2G || exit
	add_gpu numa1 device_id=0x2941 mig_fixed=1 cxl=1 cxl_timeout=1 memory_size=1600M || exit
	use_memory
	;;
demands)
	demands
	;;
life)
	add_gpu numa0 memory_size=2G training_ms=2000 || exit
	life
	;;
poison)
	add_gpu numa0 memory_size=2G || exit
	add_gpu numa1 memory_size=1536M || exit
	poison
	;;
starts)
	add_gpu numa0 memory_size=1536M || exit
	starts
	;;
*)
	add_gpu numa0 || exit
	use_memory
	;;
esac
tap_end
