# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What becomes of a run: results.py reads its files.

# results COMMAND ARGUMENT...
results() {
	"$LAB_DIR/results.py" "$@"
}

# judge_flat RUN...: of runs whose jobs print TAP without subtests; prints the counts of all
# of them last.
judge_flat() {
	local run status=0

	for run in "$@"; do
		results job "$run" || status=1
	done
	results flat "${@/%//output.log}" && [ "$status" -eq 0 ]
}
