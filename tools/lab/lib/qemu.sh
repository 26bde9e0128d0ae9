# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# QEMU's process. Now and then a kernel stands still while it boots, long before anything
# of ours is in it: amd64 at "Switched to clocksource tsc-early", once in about a hundred boots
# on a busy machine, one emulated CPU waiting and the other one at work for ever. That is
# QEMU's and says nothing about the driver, so such a host is booted again. What stands
# still later, with PID 1 at work, is a finding.

# How long a kernel may need to PID 1, in seconds; one that checks itself has twice the time.
LAB_BOOT_TIMEOUT=150
LAB_BOOT_TRIES=3

boot_timeout() {
	if is_debug "$1"; then
		echo $((2 * LAB_BOOT_TIMEOUT))
	else
		echo "$LAB_BOOT_TIMEOUT"
	fi
}

# watch_boot RUN SECONDS: ends QEMU, and leaves the file qemu.not-up, when PID 1 has not
# written to the port "lab.verdict" by then.
watch_boot() {
	local left

	for ((left = $2; left > 0; left--)); do
		if [ ! -e "$1/qemu.running" ] || [ -s "$1/verdict" ]; then
			return 0
		fi
		sleep 1
	done
	printf '%s\n' "the kernel did not come up within $2 s" >"$1/qemu.not-up"
	kill -KILL "$(cat "$1/qemu.pid")" || true
}

# qemu_once RUN BOOT-TIMEOUT TIMEOUT QEMU ARGUMENT...: to its end.
qemu_once() {
	local run=$1 boot=$2 timeout=$3 status=0 watcher

	shift 3
	rm -f "$run/qemu.not-up" "$run/verdict"
	: >"$run/qemu.running"
	watch_boot "$run" "$boot" &
	watcher=$!
	in_tools timeout --foreground --kill-after=10 "$timeout" "$@" \
		-pidfile "$(inside "$run")/qemu.pid" 2>"$run/qemu.log" || status=$?
	printf '%s\n' "$status" >"$run/qemu.status"
	rm "$run/qemu.running"
	wait "$watcher"
}

# run_qemu RUN KERNEL TIMEOUT QEMU ARGUMENT...: until the host has come up and ended.
run_qemu() {
	local run=$1 kernel=$2 try

	shift 2
	for ((try = 1; try <= LAB_BOOT_TRIES; try++)); do
		qemu_once "$run" "$(boot_timeout "$kernel")" "$@"
		[ -e "$run/qemu.not-up" ] || return 0
		warn "$(cat "$run/qemu.not-up"), try $try of $LAB_BOOT_TRIES: $(tail -n 1 "$run/kernel.log")"
	done
}
