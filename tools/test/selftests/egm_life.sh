#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Regions of extended GPU memory: which GPUs share one, what firmware says that is refused
# with its reason, and that they come and go with GPUs and the module.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

MODULE=nvgpu-egm
CLASS=/sys/class/egm
GPU=(memory_size=0 bar2_size=0 bar4_size=0)
REGION=(egm_pxm=4 egm_size=64M)
ROUNDS=10

# region_claims: the ranges in iomem that belong to a region.
region_claims() {
	sed -n 's/^ *\(.*\) : egm[0-9]*$/\1/p' /proc/iomem
}

system_ram() {
	printf '0x%s' "$(sed -n '/System RAM/{s/ *\([0-9a-f]*\)-.*/\1/p;q}' /proc/iomem)"
}

# plug NAME ATTRIBUTE=VALUE...: a GPU without memory of its own.
plug() {
	local name=$1

	shift
	make_gpu "$name" "${GPU[@]}" "$@"
}

# wait_for CONDITION...: a GPU that was plugged in is found in the background.
wait_for() {
	local left=100

	while [ $((left--)) -gt 0 ]; do
		! "$@" || return 0
		sleep 0.1
	done
	complain "10 s later still not: $*"
}

log_has() {
	kernel_log_since egm-case | grep -qE "$1"
}

nodes() {
	local node

	for node in /dev/egm*; do
		[ ! -e "$node" ] || printf '%s ' "${node##*/}"
	done
}

nothing_left() {
	[ -z "$(nodes)$(region_claims)" ]
}

# links NODE: the GPUs in its directory.
links() {
	find "$CLASS/$1/" -mindepth 1 -maxdepth 1 -type l ! -name subsystem -printf '%f\n' | sort | xargs
}

# refused REGEX ATTRIBUTE=VALUE...: the log says why, and nothing is left.
refused() {
	local message=$1 ret=0

	shift
	mark_kernel_log egm-case
	plug egm0 "$@" || return
	wait_for log_has 'EGM cannot be used' || ret=1
	log_has "$message" || complain "no message with \"$message\" but: $(kernel_log_since egm-case egm)" || ret=1
	nothing_left || complain "there is $(nodes)$(region_claims)" || ret=1
	remove_gpu egm0 && return "$ret"
}

# A GPU without EGM, and one whose firmware has set no memory aside for it.
no_egm() {
	local ret=0

	plug egm0 && plug egm1 egm_pxm=4 egm_base=none || return
	modprobe -r "$MODULE"
	mark_kernel_log egm-case
	modprobe "$MODULE" || return
	[ -z "$(nodes)" ] || complain "there is $(nodes)" || ret=1
	! log_has egm || complain "the log has $(kernel_log_since egm-case egm)" || ret=1
	remove_gpu egm0 && remove_gpu egm1 && return "$ret"
}

# inconsistent ATTRIBUTE=VALUE...: what the second GPU of a socket says otherwise.
inconsistent() {
	local ret=0

	plug egm0 "${REGION[@]}" && wait_for test -c /dev/egm4 || return
	mark_kernel_log egm-case
	plug egm1 "${REGION[@]}" "$@" || return
	wait_for log_has 'EGM cannot be used' || ret=1
	log_has 'not what other GPUs of proximity domain 4 have' ||
		complain "no message says so: $(kernel_log_since egm-case egm)" || ret=1
	[ "$(links egm4)" = "$(gpu_bdf egm0)" ] || complain "links: $(links egm4)" || ret=1
	remove_gpu egm1 || return
	[ -c /dev/egm4 ] || complain "the region of the first GPU is gone" || ret=1
	remove_gpu egm0 && return "$ret"
}

claimed_twice() {
	local base ret=0

	plug egm0 "${REGION[@]}" && wait_for test -c /dev/egm4 || return
	base=0x$(region_claims | cut -d- -f1)
	mark_kernel_log egm-case
	plug egm1 egm_pxm=5 egm_size=64M "egm_base=$base" || return
	wait_for log_has 'are claimed' || ret=1
	[ "$(nodes)" = "egm4 " ] || complain "there is $(nodes)" || ret=1
	remove_gpu egm1 && remove_gpu egm0 && return "$ret"
}

sockets() {
	plug egm0 "${REGION[@]}" && plug egm1 "${REGION[@]}" && plug egm2 egm_pxm=5 egm_size=64M || return
	wait_for test -c /dev/egm5 || return
	wait_for test -e "$CLASS/egm4/$(gpu_bdf egm1)" || return
	[ "$(links egm4)" = "$(gpu_bdf egm0) $(gpu_bdf egm1)" ] || complain "GPUs of egm4: $(links egm4)" || return
	[ "$(links egm5)" = "$(gpu_bdf egm2)" ] || complain "GPUs of egm5: $(links egm5)" || return
	[ "$(region_claims | wc -l)" = 2 ] || complain "claims: $(region_claims)"
}

one_goes() {
	remove_gpu egm0 || return
	[ "$(links egm4)" = "$(gpu_bdf egm1)" ] || complain "GPUs of egm4: $(links egm4)" || return
	: <>/dev/egm4 || complain "egm4 cannot be opened"
}

all_go() {
	remove_gpu egm1 && remove_gpu egm2 || return
	nothing_left || complain "there is $(nodes)$(region_claims)"
}

surprise() {
	plug egm0 "${REGION[@]}" && wait_for test -c /dev/egm4 || return
	write_attr "$SIM_ROOT/egm0/unplug" 1 || return
	wait_for nothing_left || return
	remove_gpu egm0
}

# The module stays while a region has an owner.
pinned() {
	local fd ret=0

	plug egm0 "${REGION[@]}" && wait_for test -c /dev/egm4 || return
	exec {fd}<>/dev/egm4 || return
	! modprobe -r "$MODULE" 2>/dev/null || complain "the module could be unloaded while egm4 is open" || ret=1
	exec {fd}>&-
	modprobe -r "$MODULE" || ret=1
	nothing_left || complain "the module has left $(nodes)$(region_claims)" || ret=1
	modprobe "$MODULE" || return
	[ -c /dev/egm4 ] || complain "the module does not find the GPU that is there" || ret=1
	remove_gpu egm0 && return "$ret"
}

# Unplugged while it zeroes, loaded and unloaded, opened and closed.
rounds() {
	local round

	for ((round = 1; round <= ROUNDS; round++)); do
		modprobe "$MODULE" && plug egm0 "${REGION[@]}" && wait_for test -c /dev/egm4 || return
		[ $((round % 2)) -eq 0 ] || : <>/dev/egm4 || return
		[ $((round % 3)) -eq 0 ] || remove_gpu egm0 || return
		modprobe -r "$MODULE" || return
		[ $((round % 3)) -ne 0 ] || remove_gpu egm0 || return
	done
	nothing_left || complain "there is $(nodes)$(region_claims)"
}

modinfo "$MODULE" >/dev/null 2>&1 || tap_skip_all "no module $MODULE for this kernel"
tap_plan 22
check "without EGM it loads and does nothing" no_egm
check "GPUs of two sockets" sockets
check "a region stays with its other GPU" one_goes
check "a region goes with its last GPU" all_go
check "surprise removal" surprise
check "System RAM: EGM without a hypervisor" refused 'System RAM.*hypervisor' \
	egm_pxm=4 egm_size=64M "egm_base=$(system_ram)"
check "no proximity domain" refused 'egm-pxm is missing' egm_size=64M
check "no base" refused 'egm-base-pa is missing' "${REGION[@]}" egm_base=none
check "no size" refused 'egm-size is missing' egm_pxm=4 egm_base=0x10000000000
check "a proximity domain without a minor" refused 'egm-pxm is 256' egm_pxm=256 egm_size=64M
check "misaligned size" refused 'egm-size is 0x4001000' egm_pxm=4 egm_size=0x4001000
check "misaligned base" refused 'egm-base-pa is 0x10000001000' "${REGION[@]}" egm_base=0x10000001000
check "overflow" refused 'exceed the physical' "${REGION[@]}" egm_base=0xffffffffffff0000
check "more retired blocks than the table has" refused '4097 retired blocks' "${REGION[@]}" egm_count=4097
check "a retired block behind the region" refused 'retired block 1 at' "${REGION[@]}" egm_retired=0,64M
check "a retired block that is none" refused 'retired block 0 at' "${REGION[@]}" egm_retired=0x1000
check "a table in System RAM" refused 'table of retired blocks' "${REGION[@]}" "egm_table=$(system_ram)"
check "a table beyond all memory" refused 'table of retired blocks' "${REGION[@]}" \
	egm_table=0xfffffffffffffff8
check "GPUs of one socket that disagree" inconsistent egm_table=none
check "two regions at one place" claimed_twice
check "it stays loaded while a region has an owner" pinned
check "$ROUNDS rounds of plugging in and loading" rounds
tap_end
