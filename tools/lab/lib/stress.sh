# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Long runs of a test that the manifest does not name, with options of its own.

# long_option NAME DEFAULT: its value among LAB_ARGS.
long_option() {
	local i value=$2

	for ((i = 0; i < ${#LAB_ARGS[@]}; i += 2)); do
		[ "${LAB_ARGS[i]}" != "$1" ] || value=${LAB_ARGS[i + 1]}
	done
	printf '%s' "$value"
}

# run_long NAME SECONDS COMMAND...: SECONDS is when it must have ended.
run_long() {
	local name=$1 seconds=$2

	shift 2
	prepare "$LAB_KERNEL"
	: "${LAB_TIMEOUT:=$((seconds + 300))}"
	start_run "$name" "$LAB_KERNEL" /lab/tools/test/selftests/run-selftests --line "$name $seconds - $*"
	printf '%s\n' "$name" >"$LAB_RUN/manifest"
	say "$name in an emulated host, at most $LAB_TIMEOUT s; logs: $LAB_RUN"
	run_host "$LAB_FILTER"
	results tests "$LAB_RUN"
}

# It goes on for up to five minutes until each act has succeeded, and then an act may
# take a minute, under KASAN five.
cmd_stress() {
	local seconds

	seconds=$(long_option --seconds 60)
	run_long stress $((seconds + 700)) stress "${LAB_ARGS[@]}"
}

# Under KASAN on a busy machine a sequence takes up to three seconds.
cmd_sim-random() {
	local sequences

	sequences=$(long_option --sequences 100)
	run_long sim_random $((sequences * 3 + 300)) sim_random.sh "${LAB_ARGS[@]}"
}
