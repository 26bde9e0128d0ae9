# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The tests of one command spread over several emulated hosts, as most of them mostly
# wait for hardware. Each host has a run of its own, asks handout.py for one test after the
# other, and is judged by those that it was given.

# What a host comes to use, on average: 1 GiB, and 5 where a test fills all of a GPU.
LAB_HOST_KIB=$((3 * 1024 * 1024))

# In bytes, what a container may use, if it is limited; of both versions of cgroups.
LAB_MEMORY_LIMITS=(/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes)

# KiB that this machine can spare.
memory_left() {
	{
		awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo
		cat "${LAB_MEMORY_LIMITS[@]}" 2>/dev/null |
			awk '/^[0-9]+$/ { printf "%.0f\n", $1 / 1024 }' || true
	} | sort -n | head -n 1
}

# hosts_that_fit WANTED: as many as there is memory for, at least one.
hosts_that_fit() {
	local fit=$(($(memory_left) / LAB_HOST_KIB))

	[ "$fit" -le "$1" ] || fit=$1
	[ "$fit" -ge 1 ] || fit=1
	printf '%d\n' "$fit"
}

# counted_tests NAME...: those of them that want a host whose clock counts instructions.
counted_tests() {
	awk '$2 ~ /,counted/ { print $1 }' "$LAB_TOP/tools/test/selftests/LIST" |
		grep -xFf <(printf '%s\n' "$@") || true
}

# start_hosts HOSTS NAME...: builds, and makes a run for each host, one of them for counted
# tests if there are any; sets LAB_RUNS. For both kinds of tests it takes two hosts.
start_hosts() {
	local host hosts=$1 counted options=(--queue)

	shift
	counted=$(counted_tests "$@" | wc -l)
	if [ "$counted" -eq $# ]; then
		hosts=1
	elif [ "$counted" -gt 0 ] && [ "$hosts" -eq 1 ]; then
		hosts=2
	fi
	[ -z "$LAB_LOAD" ] || options+=(--load)
	LAB_RUNS=()
	build_to_boot "$LAB_KERNEL"
	for ((host = 1; host <= hosts; host++)); do
		make_run "test$host" "$LAB_KERNEL" /lab/tools/test/selftests/run-selftests "${options[@]}"
		LAB_RUNS+=("$LAB_RUN")
	done
	[ "$counted" -eq 0 ] || : >"${LAB_RUNS[0]}/counted"
	[ "$LAB_ACCEL" != "$LAB_ACCEL_ICOUNT" ] || printf '%s/counted\n' "${LAB_RUNS[@]}" | xargs touch
	built_to_boot
}

# run_one_host RUN HOST: in the background, where the groups of the other hosts are not
# this one's to end.
run_one_host() {
	# shellcheck disable=SC2034 # group_add and groups_end work on it
	local -A LAB_GROUPS=()
	local LAB_RUN=$1 host=$2

	run_host show_host
}

# Says on each line which of several hosts it is from.
show_host() {
	if [ ${#LAB_RUNS[@]} -gt 1 ]; then
		"$LAB_FILTER" | sed -u "s/^/[$host] /"
	else
		"$LAB_FILTER"
	fi
}

keep_busy() {
	while :; do :; done
}

# start_handout NAMES: until each host has its queue; sets HANDOUT.
start_handout() {
	group_start "$LAB_DIR/handout.py" --repeat "$LAB_REPEAT" "$1" "${LAB_RUNS[@]}"
	HANDOUT=$!
	until [ -S "${LAB_RUNS[-1]}/queue" ]; do
		kill -0 "$HANDOUT" 2>/dev/null || die "nothing hands out the tests"
		sleep 0.1
	done
}

# run_hosts NAMES: runs the hosts of LAB_RUNS at once, each to its end; the tests of the
# file NAMES are handed out to them. How they ended is for results.py.
run_hosts() {
	local host pid helpers pids=()

	start_handout "$1"
	helpers=("$HANDOUT")
	if [ -n "$LAB_LOAD" ]; then
		group_start keep_busy
		helpers+=($!)
	fi
	for host in "${!LAB_RUNS[@]}"; do
		group_start run_one_host "${LAB_RUNS[$host]}" $((host + 1))
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || true
		group_remove "$pid"
	done
	for pid in "${helpers[@]}"; do
		kill -TERM -- "-$pid"
		group_remove "$pid"
	done
}
