# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Decides from the files of a run, outside of the host, whether it went well. The
# host has to prove success: silence, an early end or a missing line is a failure.

# Each judge_* function prints one finding a line, nothing when all is well.

judge_qemu() {
	local status

	if [ -e "$1/qemu.not-up" ]; then
		cat "$1/qemu.not-up"
		return
	fi
	status=$(cat "$1/qemu.status" 2>/dev/null || echo none)
	case $status in
	0)
		;;
	124)
		echo "the host was still running at its time limit and was ended: it hangs, or needs a longer --timeout"
		;;
	137)
		echo "QEMU was killed: this machine has run out of memory, or it did not end at its time limit"
		;;
	none)
		echo "QEMU has left no exit status: the run was interrupted"
		;;
	*)
		echo "QEMU ended with status $status: $(tail -n 1 "$1/qemu.log")"
		;;
	esac
}

# Status of the job, from a verdict of this very run; empty without one.
job_status() {
	local nonce

	nonce=$(cat "$1/nonce" 2>/dev/null)
	[ -z "$nonce" ] ||
		sed -n "s/^lab-verdict $nonce status=\([0-9]\{1,3\}\)\$/\1/p" "$1/verdict" 2>/dev/null
}

judge_verdict() {
	case $(job_status "$1") in
	"")
		echo "the host never told how its job ended: it panicked, hung or lost power"
		;;
	0)
		;;
	*)
		echo "the job ended with status $(job_status "$1")"
		;;
	esac
}

# Each check that the kernel has (names in "checks") must have said that all is well.
judge_checks() {
	local name nonce said

	[ -n "$(job_status "$1")" ] || return 0
	nonce=$(cat "$1/nonce")
	while read -r name; do
		said=$(sed -n "s/^lab-check $nonce $name //p" "$1/verdict")
		[ "$said" = clean ] || echo "$name: ${said:-not checked at the end of the run}"
	done < <(cat "$1/checks" 2>/dev/null)
}

# Status as of grep: 1 where there are none, 2 where it could not look.
kernel_splats() {
	tr -d '\r' <"$1/kernel.log" | grep -n -E -f "$LAB_DIR/splats"
}

judge_kernel() {
	local splats status=0

	if [ ! -s "$1/kernel.log" ]; then
		echo "the kernel has logged nothing"
		return
	fi
	splats=$(kernel_splats "$1") || status=$?
	case $status in
	0)
		;;
	1)
		return
		;;
	*)
		echo "the kernel log cannot be searched for complaints: grep ended with status $status"
		return
		;;
	esac
	echo "the kernel complained, $(wc -l <<<"$splats") lines, first at $(head -n 1 <<<"$splats")"
}

# Checks the TAP in output.log against the names that must report, one a line in
# FILE. Writes the counts to "counts", and "done" for each test that ended.
judge_tap() {
	tr -d '\r' <"$1/output.log" | awk -v names="$2" -v counts="$1/counts" \
		-f "$LAB_DIR/lib/judge-tap.awk"
}

judge_boot() {
	judge_qemu "$1"
	judge_kernel "$1"
	judge_checks "$1"
}

# report_findings RUN: shows what is wrong and where to look.
report_findings() {
	local run=$1

	sed 's/^/lab: FAILED: /' "$run/findings" >&2
	kernel_splats "$run" 2>/dev/null | head -n 12 | sed 's/^/lab:   kernel.log:/' >&2 || true
	warn "logs: $run (kernel.log, output.log, qemu.log)"
}

# judge_job RUN: of a job that tells by its status whether it went well.
judge_job() {
	{ judge_boot "$1"; judge_verdict "$1"; } >"$1/findings"
	[ ! -s "$1/findings" ] || { report_findings "$1"; return 1; }
}

# count_tap FILE: of a TAP stream without subtests, prints the plain counter line; status 0
# when something passed and nothing failed. A result that was planned and did not come has
# failed, and so has a stream without a plan.
count_tap() {
	awk '/^ok .*# SKIP/ { skipped++; next }
		/^ok / { passed++ }
		/^not ok / { failed++ }
		/^1\.\.[0-9]+/ { plan = substr($1, 4) + 0 }
		END {
			missing = plan - passed - failed - skipped
			failed += plan == "" ? 1 : missing > 0 ? missing : 0
			printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
			exit failed || !passed
		}' "$1"
}

# judge_tests RUN NAMES: prints the plain counter line last; status 0 when all is well.
judge_tests() {
	local run=$1 passed=0 failed=0 skipped=0 others

	judge_tap "$run" "$2" >"$run/findings"
	read -r passed failed skipped <"$run/counts"
	others=$({ judge_boot "$run"; judge_verdict "$run"; } | tee -a "$run/findings" | wc -l)
	# A run that failed as a whole counts as a failure, also where no test is to blame.
	if [ "$failed" -eq 0 ] && [ "$others" -gt 0 ]; then
		failed=$others
	fi
	[ ! -s "$run/findings" ] || report_findings "$run"
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	[ ! -s "$run/findings" ]
}
