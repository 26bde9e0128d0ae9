# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What a kernel that checks itself is asked at the end of a run. Each check prints one
# line, "clean" or what is wrong; the details go to the kernel log.

KMEMLEAK=/sys/kernel/debug/kmemleak
LOCKDEP=/proc/lockdep_stats

# An object is reported when it is older than 5 seconds and nothing points to it in two
# scans: what one scan sees may be a pointer on its way from one place to another.
check_kmemleak() {
	local leaks line

	sleep 5
	if ! echo scan >$KMEMLEAK || ! echo scan >$KMEMLEAK; then
		echo "cannot scan"
		return
	fi
	leaks=$(grep -c '^unreferenced object' $KMEMLEAK)
	if [ "$leaks" -eq 0 ]; then
		echo clean
		return
	fi
	head -n 400 $KMEMLEAK | while IFS= read -r line; do
		printf '%s\n' "$line" >/dev/kmsg
	done
	echo "$leaks objects that nothing points to, listed at the end of the kernel log"
}

# Lockdep falls silent after its first report, and when its tables are full.
check_lockdep() {
	if grep -qE '^ *debug_locks: +1$' $LOCKDEP; then
		echo clean
	else
		echo "it has turned itself off: see its report in the kernel log"
	fi
}

# run_checks NONCE: those that this kernel has.
run_checks() {
	[ ! -e $KMEMLEAK ] || printf 'lab-check %s kmemleak %s\n' "$1" "$(check_kmemleak)"
	[ ! -e $LOCKDEP ] || printf 'lab-check %s lockdep %s\n' "$1" "$(check_lockdep)"
}
