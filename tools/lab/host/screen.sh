# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# How the demo looks: titled steps, the commands they run, a summary.

BOLD='' DIM='' GREEN='' RED='' PLAIN_TEXT=''
STEP=0
STEP_NAMES=()
STEP_RESULTS=()

use_colour() {
	BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN_TEXT=$'\e[0m'
}

title() {
	printf '\n%s%d. %s%s\n\n' "$BOLD" "$STEP" "$1" "$PLAIN_TEXT"
}

note() {
	printf '   %s\n' "$1"
}

indent() {
	sed -u 's/^/     /'
}

show_command() {
	printf '   %s# %s%s\n' "$DIM" "$1" "$PLAIN_TEXT"
}

# show COMMAND: prints a shell command, runs it, indents its output.
show() {
	show_command "$1"
	eval "$1" 2>&1 | indent
	return "${PIPESTATUS[0]}"
}

# result_line TEXT STATUS
result_line() {
	if [ "$2" -eq 0 ]; then
		printf '   %sok%s    %s\n' "$GREEN" "$PLAIN_TEXT" "$1"
	else
		printf '   %sFAIL%s  %s\n' "$RED" "$PLAIN_TEXT" "$1"
	fi
	return "$2"
}

# step NAME FUNCTION: the steps after a failed one still run, to clean up.
step() {
	local status=0

	STEP=$((STEP + 1))
	"$2" || status=1
	[ "$status" -eq 0 ] || result_line "$1" 1
	STEP_NAMES+=("$1")
	STEP_RESULTS+=("$status")
}

# Ends the demo with its verdict.
summary() {
	local i failed=0

	printf '\n%sSummary%s\n\n' "$BOLD" "$PLAIN_TEXT"
	for i in "${!STEP_NAMES[@]}"; do
		result_line "${STEP_NAMES[$i]}" "${STEP_RESULTS[$i]}" || failed=1
	done
	[ "$failed" -eq 0 ] && printf '\ndemo: PASS\n' || printf '\ndemo: FAIL\n'
	exit "$failed"
}
