# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The tests of one command spread over several emulated hosts, as most of them mostly
# wait for hardware. Each host has a run of its own and a share of the manifest, by
# which it is judged; together the shares have to be the manifest.

# What a host comes to use, on average: 1 GiB, and 5 where a test fills all of a GPU.
LAB_HOST_KIB=$((3 * 1024 * 1024))

# Tests that do so. They go to one host, which comes to use that once.
LAB_FULL_TESTS="guest guest.tail sim_random"

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

# test_costs NAME...: "NAME SECONDS" for each, as LIST says for this kind of kernel; 10 s
# where it does not.
test_costs() {
	local column=2

	! is_built "$LAB_KERNEL" || column=3
	awk -v column="$column" 'NR == FNR { cost[$1] = $2; next }
		{
			parts = split(cost[$1], part, "/")
			print $1, (parts < 2 ? 10 : parts < column ? part[2] : part[column])
		}' \
		"$LAB_TOP/tools/test/selftests/LIST" <(printf '%s\n' "$@")
}

# share_tests HOSTS: of lines "NAME SECONDS" makes lines "HOST NAME" in the same order.
# The longest test goes first, each to the host that has the least to do so far, but for
# LAB_FULL_TESTS; this depends on nothing but the lines.
share_tests() {
	awk '{ print NR, $0 }' | sort -k3,3nr -k1,1n |
		awk -v hosts="$1" -v full=" $LAB_FULL_TESTS " '{
			least = 1
			for (host = 2; host <= hosts; host++)
				if (load[host] + 0 < load[least] + 0)
					least = host
			if (index(full, " " $2 " "))
				least = together = together ? together : least
			load[least] += $3
			print $1, least, $2
		}' | sort -n | cut -d' ' -f2-
}

# start_hosts HOSTS NAME...: builds, and makes a run for each share of the tests; sets
# LAB_RUNS.
start_hosts() {
	local hosts=$1 host shares mine

	shift
	shares=$(test_costs "$@" | share_tests "$hosts")
	LAB_RUNS=()
	build_to_boot "$LAB_KERNEL"
	for ((host = 1; host <= hosts; host++)); do
		mapfile -t mine < <(awk -v host="$host" '$1 == host { print $2 }' <<<"$shares")
		[ ${#mine[@]} -gt 0 ] || continue
		make_run "test$host" "$LAB_KERNEL" /lab/tools/test/selftests/run-selftests "${mine[@]}"
		printf '%s\n' "${mine[@]}" >"$LAB_RUN/manifest"
		LAB_RUNS+=("$LAB_RUN")
	done
	built_to_boot
}

# run_one_host RUN HOST: shows on each line which of several hosts HOST it is from. In the
# background, where the groups of the other hosts are not this one's to end.
run_one_host() {
	# shellcheck disable=SC2034 # group_add and groups_end work on it
	local -A LAB_GROUPS=()
	local LAB_RUN=$1 host=$2

	run_host show_host
}

show_host() {
	"$LAB_FILTER" | sed -u "s/^/[$host] /"
}

# Runs the hosts of LAB_RUNS at once, each to its end. How they ended is for the judge.
run_hosts() {
	local host pid pids=()

	if [ ${#LAB_RUNS[@]} -eq 1 ]; then
		run_host "$LAB_FILTER"
		return
	fi
	for host in "${!LAB_RUNS[@]}"; do
		group_start run_one_host "${LAB_RUNS[$host]}" $((host + 1))
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || true
		group_remove "$pid"
	done
}

# judge_hosts NAMES RUN...: each run has to be good, and together they have to have run
# each test of the file NAMES once. Prints the plain counter line last.
judge_hosts() {
	local names=$1 run line p f s passed=0 failed=0 skipped=0 status=0 wrong

	shift
	for run in "$@"; do
		line=$(judge_tests "$run" "$run/manifest") || status=1
		read -r p _ f _ s _ <<<"$line"
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done
	wrong=$(comm -3 <(cat "${@/%//manifest}" | sort) <(sort "$names") | xargs)
	if [ -n "$wrong" ]; then
		warn "FAILED: no host has them, or several have: $wrong"
		failed=$((failed + 1)) status=1
	fi
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	return "$status"
}
