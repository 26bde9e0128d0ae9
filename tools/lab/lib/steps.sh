# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Long work, step by step: each step runs in the background with a log of its
# own, and says how long it has been at it.

STEPS_DONE=0
STEPS_TOTAL=0
declare -A STEP_TITLE=() STEP_LOG=() STEP_BEGIN=()

steps_begin() {
	STEPS_TOTAL=$1
	STEPS_DONE=0
	mkdir -p "$LAB_CACHE/logs"
}

step_run() (
	set -e
	"$@"
)

# attempt COMMAND...: its status in LAB_STATUS; with "set -e", which a condition turns off
# in all that it calls.
attempt() {
	set +e
	(set -e; "$@")
	LAB_STATUS=$?
	set -e
}

LAB_RETRY_SECONDS=20

# retry COMMAND...: up to three times, for what depends on a mirror. The command has to be
# such that it can begin again.
retry() {
	local try

	for try in 1 2 3; do
		attempt "$@"
		[ "$LAB_STATUS" -ne 0 ] || return 0
		[ "$try" -lt 3 ] || return "$LAB_STATUS"
		say "failed with status $LAB_STATUS, try $try of 3; the next in $LAB_RETRY_SECONDS s"
		sleep "$LAB_RETRY_SECONDS"
	done
}

# step_start NAME TITLE COMMAND...
step_start() {
	local title=$2 log=$LAB_CACHE/logs/$1.log

	shift 2
	group_start step_run "$@" >"$log" 2>&1
	STEP_TITLE[$!]=$title
	STEP_LOG[$!]=$log
	STEP_BEGIN[$!]=$SECONDS
	STEPS_DONE=$((STEPS_DONE + 1))
	say "[$STEPS_DONE/$STEPS_TOTAL] $title ..."
}

# What the running steps are at: a line that is redrawn on a terminal, a line
# every 30 seconds elsewhere.
steps_report() {
	local pid last

	for pid in "${!STEP_TITLE[@]}"; do
		last=$(tail -c 300 "${STEP_LOG[$pid]}" | tr '\r' '\n' | sed '/^$/d' | tail -n 1)
		last="${STEP_TITLE[$pid]}, $(elapsed $((SECONDS - STEP_BEGIN[$pid]))): $last"
		if [ -t 1 ]; then
			printf '\r\033[K%s' "$(printf '%s' "$last" | cut -c1-78)"
		elif [ $(((SECONDS - STEP_BEGIN[$pid]) % 30)) -eq 29 ]; then
			say "      $last"
		fi
	done
}

step_finish() {
	local pid=$1 status=0

	wait "$pid" || status=$?
	group_remove "$pid"
	if [ -t 1 ]; then
		printf '\r\033[K'
	fi
	if [ "$status" -ne 0 ]; then
		tail -n 15 "${STEP_LOG[$pid]}" >&2
		die "${STEP_TITLE[$pid]}: failed with status $status; the whole log is ${STEP_LOG[$pid]}"
	fi
	say "      ${STEP_TITLE[$pid]}: done in $(elapsed $((SECONDS - STEP_BEGIN[$pid])))"
	unset "STEP_TITLE[$pid]"
}

# Waits for every step that was started; the first failure ends the program.
steps_wait() {
	local pid

	while [ ${#STEP_TITLE[@]} -gt 0 ]; do
		for pid in "${!STEP_TITLE[@]}"; do
			kill -0 "$pid" 2>/dev/null || step_finish "$pid"
		done
		[ ${#STEP_TITLE[@]} -eq 0 ] || sleep 1
		steps_report
	done
}
