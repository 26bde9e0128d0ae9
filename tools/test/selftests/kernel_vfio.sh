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

# "STATUS<tab>NAME<tab>CAUSE" for each result; the plan comes when all are there.
RESULTS=$(mktemp)
LOG=$(mktemp)
trap 'rm -f "$RESULTS" "$LOG"' EXIT

result() {
	printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >>"$RESULTS"
}

# collect PROGRAM SUFFIX STATUS: what the program planned, gave, and why it failed.
# Its fixtures name its tests; the suffix tells apart several runs of it. A program
# that finds the device not to be for it may end with 4 after a line that says so.
collect() {
	awk -v program="$1" -v suffix="$2" -v status="$3" '
		function give(status, name, cause) { print status "\t" name suffix "\t" cause }
		function after(mark) { return substr($0, index($0, mark) + length(mark)) }
		/^1\.\.0 # SKIP/ { give("skip", program, after("# SKIP ")); skipped = 1; next }
		/^1\.\.[0-9]+/ { plan = substr($1, 4) + 0; next }
		/Assertion Failure|Expression:|Observed:|errno:|Expected|timeout|signal/ {
			gsub(/[#\t]/, " ")
			cause = cause $0
			next
		}
		/^(not )?ok [0-9]+/ {
			given++
			name = $0
			sub(/^(not )?ok [0-9]+ */, "", name)
			sub(/ *# SKIP.*/, "", name)
			if (/^not ok/) give("not ok", name, cause ? cause : "the program gives no cause")
			else if (/# SKIP/) give("skip", name, after("# SKIP "))
			else give("ok", name, "")
			cause = ""
		}
		{ last = $0 }
		END {
			if (status == 4 && !plan && !given && !skipped)
				give("skip", program, last)
			else if (!skipped && (!plan || plan != given))
				give("not ok", program, "planned " plan + 0 " tests, gave " given + 0 " " cause)
		}
	' "$LOG" >>"$RESULTS"
}

# run_program NAME MODE [SUFFIX]: MODE for those tests that have no variant for each.
run_program() {
	local status=0

	VFIO_SELFTESTS_IOMMU_MODE=$2 "$BIN/$1" "$BDF" >"$LOG" 2>&1 || status=$?
	collect "$1" "${3:-}" "$status"
}

# Without iommufd the tests of it cannot pass. All others must run.
run_programs() {
	local mode=$TYPE1 path program

	[ ! -e $IOMMUFD ] || mode=iommufd
	for path in "$BIN"/*_test; do
		program=${path##*/}
		if [ "$program" = vfio_iommufd_setup_test ] && [ ! -e $IOMMUFD ]; then
			result skip "$program" "$NO_IOMMUFD"
			continue
		fi
		run_program "$program" "$mode"
		[ "$program" != vfio_pci_device_test ] || [ "$mode" = "$TYPE1" ] ||
			run_program "$program" "$TYPE1" " ($TYPE1)"
	done
}

# why_not NAME CAUSE: why a kernel cannot pass this test; fails if it should.
why_not() {
	if [ ! -e $IOMMUFD ] && [[ $1 == *iommufd* ]]; then
		echo "$NO_IOMMUFD"
	elif [[ $1 == *.overflow && $2 == *"(-22) == -EOVERFLOW"* ]]; then
		echo "type1 of this kernel says EINVAL when addresses overflow, later ones EOVERFLOW"
	else
		return 1
	fi
}

print_results() {
	local status name cause reason

	while IFS=$'\t' read -r status name cause; do
		case $status in
		ok) pass "$name" ;;
		skip) skip "$name" "$cause" ;;
		*)
			if reason=$(why_not "$name" "$cause"); then
				skip "$name" "$reason"
			else
				fail "$name" "$cause"
			fi
			;;
		esac
	done <"$RESULTS"
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
reserve_hugepages 8 ||
	result "not ok" "huge pages" "the kernel reserves only $(cat $HUGEPAGES) of 8"
run_programs
echo 0 >$HUGEPAGES
tap_plan "$(wc -l <"$RESULTS")"
print_results
tap_end
