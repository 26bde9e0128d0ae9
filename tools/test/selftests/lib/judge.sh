# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Judges the TAP that one test printed: a plan, every planned result, and an
# exit status that agrees with them. Counts for the summary.

CAUSE=
PASSED=0
FAILED=0
SKIPPED=0
TESTS_FAILED=0

add_cause() {
	CAUSE="${CAUSE:+$CAUSE; }$1"
}

# tap_counts LOG: plan (or "none"), results, passed, failed, skipped.
tap_counts() {
	awk '
		/^1\.\.[0-9]+/ { plan = substr($1, 4); plans++ }
		/^1\.\.0 # SKIP/ { skipped++ }
		/^ok [0-9]+/ { results++; if (/# SKIP/) skipped++; else passed++ }
		/^not ok [0-9]+/ { results++; failed++ }
		END { print (plans == 1 ? plan : "none"), results + 0, passed + 0, failed + 0, skipped + 0 }
	' "$1"
}

# judge_log LOG STATUS
judge_log() {
	local plan results passed failed skipped

	read -r plan results passed failed skipped <<<"$(tap_counts "$1")"
	PASSED=$((PASSED + passed))
	FAILED=$((FAILED + failed))
	SKIPPED=$((SKIPPED + skipped))
	if [ "$2" -eq 124 ] || [ "$2" -eq 137 ]; then
		add_cause "timed out"
	fi
	if [ "$plan" = none ]; then
		add_cause "no plan: the program ended with status $2 before it began"
	elif [ "$plan" -ne "$results" ]; then
		add_cause "planned $plan results, gave $results"
	fi
	[ "$failed" -eq 0 ] || add_cause "$failed of $results failed: $(first_failure "$1")"
	case $2 in
	0 | 4 | 124 | 137) ;;
	*) [ "$failed" -ne 0 ] || add_cause "exit status $2 although no result failed" ;;
	esac
}

# The first failed result with its cause. A C test prints the cause before the
# result (the harness's own "Expected ..." is less telling), a bash test in it.
first_failure() {
	awk '
		/^# .*\.c:[0-9]+:[a-z_0-9]+:Expected / { if (!expected) expected = $0; next }
		/^# .*\.c:[0-9]+:/ { if (!cause) cause = $0; next }
		/^# +(RUN|OK|FAIL|SKIP|Starting) / { next }
		/: Test (failed|terminated by assertion)$/ { next }
		/^# / { note = $0 }
		/^not ok/ {
			if (!cause) cause = note ? note : expected
			sub(/^# (.*\/)?/, "", cause)
			print $0 (cause ? ": " cause : "")
			exit
		}
		/^ok/ { cause = expected = note = "" }
	' "$1"
}

# report NUMBER NAME
report() {
	if [ -z "$CAUSE" ]; then
		printf 'ok %d - %s\n' "$1" "$2"
		return
	fi
	printf 'not ok %d - %s # %s\n' "$1" "$2" "${CAUSE//#/}"
	TESTS_FAILED=$((TESTS_FAILED + 1))
}

# A test that failed as a whole, without a failed result, counts as one failure.
summary() {
	[ "$FAILED" -gt 0 ] || FAILED=$TESTS_FAILED
	printf '# selftests: %d passed, %d failed, %d skipped\n' "$PASSED" "$FAILED" "$SKIPPED"
	[ "$TESTS_FAILED" -eq 0 ]
}
