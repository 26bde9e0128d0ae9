# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What becomes of a run: results.py reads its files.

# results COMMAND ARGUMENT...
results() {
	"$LAB_DIR/results.py" "$@"
}

# judge_flat FILE...: of a run whose job prints TAP without subtests, into these files;
# prints the counts last.
judge_flat() {
	local status=0

	results job "$LAB_RUN" || status=$?
	results flat "$@" && [ "$status" -eq 0 ]
}
