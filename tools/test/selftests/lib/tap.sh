# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# TAP for tests in bash: a plan first, one result per check, tap_end last.
# A check that fails prints its cause on the result line.

TAP_PLANNED=0
TAP_RUN=0
TAP_FAILED=0

tap_plan() {
	TAP_PLANNED=$1
	printf 'TAP version 13\n1..%d\n' "$1"
}

tap_skip_all() {
	printf 'TAP version 13\n1..0 # SKIP %s\n' "$1"
	exit 4
}

pass() {
	TAP_RUN=$((TAP_RUN + 1))
	printf 'ok %d %s\n' "$TAP_RUN" "$1"
}

# fail NAME CAUSE
fail() {
	TAP_RUN=$((TAP_RUN + 1))
	TAP_FAILED=$((TAP_FAILED + 1))
	printf 'not ok %d %s # %s\n' "$TAP_RUN" "$1" "$2"
}

skip() {
	TAP_RUN=$((TAP_RUN + 1))
	printf 'ok %d %s # SKIP %s\n' "$TAP_RUN" "$1" "$2"
}

# check NAME COMMAND...: passes if the command succeeds; its output is the cause.
check() {
	local name=$1 out

	shift
	if out=$("$@" 2>&1); then
		pass "$name"
	else
		fail "$name" "$(printf '%s' "${out:-$* failed}" | tr '\n' ' ')"
	fi
}

# check_is NAME GOT WANT
check_is() {
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got \"$2\", expected \"$3\""
	fi
}

tap_end() {
	[ "$TAP_RUN" -eq "$TAP_PLANNED" ] || printf '# planned %d, ran %d\n' "$TAP_PLANNED" "$TAP_RUN"
	[ "$TAP_RUN" -eq "$TAP_PLANNED" ] && [ "$TAP_FAILED" -eq 0 ]
	exit
}
