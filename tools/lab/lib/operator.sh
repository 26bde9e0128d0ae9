# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The operator's programs, tested in the chroot: they need no emulated host.

# in_tools_with_proc DIRECTORY COMMAND...: as in_tools_at, with /proc, which sanitizers
# and bats look into. In a mount namespace, so that it goes away by itself; where the
# root is no mount point (a chroot) its propagation cannot be changed.
in_tools_with_proc() {
	local dir propagation=private

	dir=$(inside "$1")
	shift
	unshare --mount true 2>/dev/null || propagation=unchanged
	# shellcheck disable=SC2016 # the inner shell expands them
	unshare --mount --propagation "$propagation" sh -c \
		'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$LAB_TOOLS" \
		/usr/bin/env -i --chdir="${dir:-/}" HOME=/root LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

cmd_nvgpuctl() {
	local status=0

	prepare "$LAB_KERNEL"
	tools_add nvgpuctl
	LAB_RUN=$(new_run nvgpuctl)
	say "testing nvgpuctl on machines made of files; logs: $LAB_RUN"
	checkout_copy "$LAB_RUN/checkout"
	in_tools_with_proc "$LAB_RUN/checkout/tools/nvgpuctl" tests/run "${LAB_ARGS[@]}" 2>&1 |
		tee "$LAB_RUN/output.log" || status=1
	rm -rf "$LAB_RUN/checkout"
	return "$status"
}
