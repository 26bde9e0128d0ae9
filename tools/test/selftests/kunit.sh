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

# "STATUS<tab>NAME<tab>CAUSE" for each result of the suite whose KTAP is read: its cases,
# or the parameters of those that have some. The suite's own plan must be met.
suite_results() {
	awk -v suite="$1" '
		function give(status, name, cause) { print status "\t" suite ": " name "\t" cause }
		{
			match($0, /^ */)
			indent = RLENGTH
			text = substr($0, indent + 1)
		}
		indent == 4 && text ~ /^1\.\.[0-9]+/ { plan = substr(text, 4) + 0; planned = 1 }
		text ~ /FAILED at/ { failing = 1 }
		failing && text !~ /^(not )?ok / { gsub(/#/, "", text); cause = cause text " " }
		indent >= 4 && text ~ /^(not )?ok [0-9]+/ {
			status = text ~ /^not ok/ ? "not ok" : "ok"
			name = text
			sub(/^(not )?ok [0-9]+ (- )?/, "", name)
			if (name ~ /# SKIP/) {
				status = "skip"
				cause = name
				sub(/.*# SKIP */, "", cause)
			}
			sub(/ *#.*/, "", name)
			if (indent > 4) {
				parameters++
				explained += status == "not ok"
			}
			if (indent > 4 || !parameters || (status == "not ok" && !explained))
				give(status, name, cause)
			if (indent == 4) {
				cases++
				parameters = explained = 0
			}
			cause = ""
			failing = 0
		}
		END {
			if (!planned || !cases || plan != cases)
				give("not ok", "all cases", "planned " plan + 0 ", ran " cases + 0)
		}
	'
}

suites() {
	find $KUNIT -mindepth 1 -maxdepth 1 -printf '%f\n' | sort
}

# module_results MODULE: those of every suite that the module brings.
module_results() {
	local before suite brought=0

	before=$(suites)
	if ! modprobe "$1"; then
		printf 'not ok\t%s\tcannot be loaded\n' "$1"
		return
	fi
	for suite in $(comm -13 <(echo "$before") <(suites)); do
		brought=1
		suite_results "$suite" <"$KUNIT/$suite/results"
	done
	[ $brought -eq 1 ] || printf 'not ok\t%s\tbrings no suite\n' "$1"
	modprobe -r "$1" || printf 'not ok\t%s\tcannot be unloaded\n' "$1"
}

print_result() {
	case $1 in
	ok) pass "$2" ;;
	skip) skip "$2" "${3:-the test gives no reason}" ;;
	*) fail "$2" "${3:-the test gives no cause}" ;;
	esac
}

[ -d $KUNIT ] || tap_skip_all "this kernel has no KUnit"
mapfile -t modules < <(find "$MODULES" -name '*_kunit.ko' -printf '%f\n' | sort)
results=$(for module in "${modules[@]%.ko}"; do module_results "$module"; done)
if [ -z "$results" ]; then
	tap_plan 1
	fail "KUnit tests of the driver" "there are none in $MODULES"
	tap_end
fi
tap_plan "$(wc -l <<<"$results")"
while IFS=$'\t' read -r status name cause; do
	print_result "$status" "$name" "$cause"
done <<<"$results"
tap_end
