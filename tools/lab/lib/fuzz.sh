# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Fuzzing in an emulated host: tools/test/fuzz.

# The variants that fuzzing with these options reports.
fuzz_names() {
	local previous='' word names=() replay=

	for word in "$@"; do
		[ "$previous" != --variant ] || names+=("$word")
		[ "$previous" != --replay ] || replay=1
		previous=$word
	done
	if [ ${#names[@]} -gt 0 ]; then
		printf '%s\n' "${names[@]}"
	elif [ -n "$replay" ]; then
		echo gh200
	else
		"$LAB_TOP/tools/test/fuzz/run-fuzz" --list
	fi
}

# Sets FUZZ_JOB: what runs in the host. The file of --replay is on this side, so its
# text goes along.
fuzz_job() {
	local i

	FUZZ_JOB=(/lab/tools/test/fuzz/run-fuzz "$@")
	for ((i = 1; i < $#; i++)); do
		[ "${!i}" = --replay ] || continue
		# shellcheck disable=SC2016 # expanded in the host
		FUZZ_JOB=(bash -c 'printf "%s\n" "$1" >/tmp/replay; shift; exec "$@"' fuzz
			"$(cat "${FUZZ_JOB[i + 1]}")" "${FUZZ_JOB[@]:0:i + 1}" /tmp/replay
			"${FUZZ_JOB[@]:i + 2}")
		break
	done
}

cmd_fuzz() {
	fuzz_job "${LAB_ARGS[@]}"
	prepare "$LAB_KERNEL"
	: "${LAB_TIMEOUT:=10800}"
	start_run fuzz "$LAB_KERNEL" "${FUZZ_JOB[@]}"
	fuzz_names "${LAB_ARGS[@]}" >"$LAB_RUN/manifest"
	say "fuzzing in an emulated host; logs: $LAB_RUN"
	run_host cat
	results tests "$LAB_RUN"
}
