#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The driver's KUnit tests, on a kernel that has KUnit: each module of them is loaded,
# its results are the results of this test.

set -u
HERE=$(cd "$(dirname "$0")" && pwd)
MODULES=${NVGPU_MODULES:-/lab/modules}
KUNIT=/sys/kernel/debug/kunit
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"

suites() {
	find $KUNIT -mindepth 1 -maxdepth 1 -printf '%f\n' | sort
}

# suite_result SUITE: its KTAP as that of one result, which ends as the kernel says.
suite_result() {
	grep '^ ' "$KUNIT/$1/results"
	check "$1" grep -qx "ok [0-9]* $1" "$KUNIT/$1/results"
}

# module_results MODULE: those of every suite that the module brings, which have to be one.
module_results() {
	local before brought suite

	before=$(suites)
	check "load $1" modprobe "$1"
	mapfile -t brought < <(comm -13 <(echo "$before") <(suites))
	check_is "suites of $1" "${#brought[@]}" 1
	for suite in "${brought[@]}"; do
		suite_result "$suite"
	done
	check "unload $1" modprobe -r "$1"
}

[ -d $KUNIT ] || tap_skip_all "this kernel has no KUnit"
mapfile -t modules < <(find "$MODULES" -name '*_kunit.ko' -printf '%f\n' | sort)
tap_plan $((1 + 4 * ${#modules[@]}))
check "the driver has KUnit tests" test ${#modules[@]} -gt 0
for module in "${modules[@]%.ko}"; do
	module_results "$module"
done
tap_end
