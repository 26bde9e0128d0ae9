#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own vfio selftests, unchanged, on a simulated GPU that plain vfio-pci
# has: what they say about the simulation is what they say about hardware.
# Their results are the results of this test.

set -u
HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${NVGPU_BIN:-/lab/bin}/kernel-vfio
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

IOMMUFD=/dev/iommu
# What the programs ask for; the default size is larger where pages are.
HUGEPAGES=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
TYPE1=vfio_type1v2_iommu
NO_IOMMUFD="this kernel has no iommufd"

LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT

# The results of a program without those that this kernel cannot pass.
excused() {
	awk -v no_iommufd="$([ -e $IOMMUFD ] || echo "$NO_IOMMUFD")" '
		function excuse(why) { sub(/^not /, ""); $0 = $0 " # SKIP " why }
		/\(-22\) == -EOVERFLOW/ { einval = 1 }
		/^not ok/ && /iommufd/ && no_iommufd { excuse(no_iommufd) }
		/^not ok/ && /\.overflow/ && einval {
			excuse("type1 of this kernel says EINVAL when addresses overflow, later ones EOVERFLOW")
		}
		/^(not )?ok/ { einval = 0 }
		{ print }
	' "$LOG"
}

# run_program NAME MODE [SUFFIX]: MODE for those tests that have no variant for each. Its
# stream is that of one result. A program that finds the device not to be for it may end with
# 4 after a line that says so.
run_program() {
	local status=0 stream

	VFIO_SELFTESTS_IOMMU_MODE=$2 "$BIN/$1" "$BDF" >"$LOG" 2>&1 || status=$?
	stream=$(excused)
	if [ "$status" -eq 4 ] && ! grep -q '^1\.\.' <<<"$stream"; then
		stream="1..0 # SKIP $(tail -n 1 "$LOG")"
	fi
	printf '    %s\n' "${stream//$'\n'/$'\n    '}"
	if grep -q '^1\.\.' <<<"$stream" && ! grep -q '^not ok' <<<"$stream" && [ "$status" -le 4 ]; then
		pass "$1${3:-}"
	else
		fail "$1${3:-}" "exit status $status"
	fi
}

# Without iommufd the tests of it cannot pass. All others must run.
run_programs() {
	local mode=$TYPE1 path program

	[ ! -e $IOMMUFD ] || mode=iommufd
	for path in "$BIN"/*_test; do
		program=${path##*/}
		if [ "$program" = vfio_iommufd_setup_test ] && [ ! -e $IOMMUFD ]; then
			skip "$program" "$NO_IOMMUFD"
			continue
		fi
		run_program "$program" "$mode"
		[ "$program" != vfio_pci_device_test ] || [ "$mode" = "$TYPE1" ] ||
			run_program "$program" "$TYPE1" " ($TYPE1)"
	done
}

# reserve_hugepages NUMBER: the kernel reserves fewer where free memory is in fragments.
reserve_hugepages() {
	for _ in 1 2 3 4 5; do
		echo "$1" >$HUGEPAGES
		[ "$(cat $HUGEPAGES)" -lt "$1" ] || return 0
		echo 1 >/proc/sys/vm/drop_caches
		echo 1 >/proc/sys/vm/compact_memory
		sleep 1
	done
	return 1
}

BDF=$NVGPU_BDF
printf 'TAP version 13\n'
check "8 huge pages" reserve_hugepages 8
run_programs
echo 0 >$HUGEPAGES
printf '1..%d\n' "$TAP_RUN"
[ "$TAP_FAILED" -eq 0 ]
