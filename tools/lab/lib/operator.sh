# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The operator's programs, tested in the chroot: they need no emulated host.

# What unshare may do to mounts: where the root is no mount point (a chroot) their
# propagation cannot be changed.
mount_propagation() {
	unshare --mount true 2>/dev/null && echo private || echo unchanged
}

# in_tools_with_proc DIRECTORY COMMAND...: as in_tools_at, with /proc, which sanitizers
# and bats look into, and terminals. In a mount namespace, so that both go away by themselves.
in_tools_with_proc() {
	local dir

	dir=$(inside "$1")
	shift
	# shellcheck disable=SC2016 # the inner shell expands them
	unshare --mount --propagation "$(mount_propagation)" sh -c \
		'mount -t proc proc "$0/proc" && mount -t devpts -o ptmxmode=666 devpts "$0/dev/pts" &&
			exec chroot "$0" "$@"' "$LAB_TOOLS" \
		/usr/bin/env -i --chdir="${dir:-/}" HOME=/root LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

cmd_nvgpuctl() {
	local status=0

	prepare "$LAB_KERNEL"
	tools_add native nvgpuctl
	LAB_RUN=$(new_run nvgpuctl)
	say "testing nvgpuctl on machines made of files; logs: $LAB_RUN"
	checkout_copy "$LAB_RUN/checkout"
	in_tools_with_proc "$LAB_RUN/checkout/tools/nvgpuctl" tests/run-nvgpuctl-tests "${LAB_ARGS[@]}" 2>&1 |
		tee "$LAB_RUN/output.log" || status=1
	rm -rf "$LAB_RUN/checkout"
	return "$status"
}

# Into the payload: nvgpuctl for the host, the libraries that the host lacks, the chapter
# to follow.
build_operator() {
	local build out libraries=$LAB_TOOLS/usr/lib/aarch64-linux-gnu

	build "$LAB_KERNEL"
	build=$(build_dir "$LAB_KERNEL")
	out=$build/out/bin/operator
	build_programs "$build" "$LAB_KERNEL" nvgpuctl "$build/src/tools/nvgpuctl" "$build/nvgpuctl" \
		PKG_CONFIG="PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig pkg-config"
	mkdir -p "$out"
	copy_newer "$out" "$build/nvgpuctl/nvgpuctl" "$libraries"/libjson-c.so.5 \
		"$libraries"/libsmartcols.so.1 "$LAB_TOP/README"
	flock --unlock "$LAB_BUILD_LOCK"
}

# operator_run LABEL SCRIPT: a script of tools/nvgpuctl/tests in a host; sets LAB_RUN.
operator_run() {
	start_run "$1" "$LAB_KERNEL" "/lab/tools/nvgpuctl/tests/$2"
	say "logs: $LAB_RUN"
	run_host cat
}

# A reboot is another host, with the /etc of the first one.
cmd_readme() {
	local chapter

	prepare "$LAB_KERNEL" extra-libvirt extra-systemd
	tools_add native nvgpuctl
	build_operator
	: "${LAB_TIMEOUT:=900}"
	say "following README in an emulated host, at most $LAB_TIMEOUT s"
	LAB_EXTRA="extra-libvirt"
	operator_run readme follow-readme
	chapter=$LAB_RUN
	mkdir "$chapter/files"
	sed -n 's/^# etc //p' "$chapter/output.log" | base64 -d | tar -C "$chapter/files" -x ||
		warn "the first host has left no /etc/driverctl.d"
	LAB_EXTRA="extra-systemd" LAB_FILES=$chapter/files
	operator_run readme-boot boot-persisted
	judge_flat "$chapter" "$LAB_RUN"
}

cmd_nvgpuctl-host() {
	prepare "$LAB_KERNEL"
	tools_add native nvgpuctl
	build_operator
	: "${LAB_TIMEOUT:=600}"
	say "breaking simulated GPUs and their host, at most $LAB_TIMEOUT s"
	operator_run nvgpuctl-host faults
	judge_flat "$LAB_RUN"
}
