# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Boots one emulated host for one job.

# What all machines have in common; the rest is in arch.sh.
LAB_MACHINE="-smp 2 -nodefaults -display none -no-reboot -device virtio-serial-pci"
# The detectors are told that a processor may stand still: it is a thread of QEMU on a
# machine that has other work.
LAB_CMDLINE="loglevel=7 oops=panic panic=-1 softlockup_panic=1 watchdog_thresh=20
	rcupdate.rcu_cpu_stall_timeout=60 mem=2G"

# A product whose image, extra.erofs, is laid over the system of the next hosts; or empty.
LAB_EXTRA=

# What --memory, --append and --icount change.
LAB_MEMORY=8
LAB_APPEND=
LAB_ACCEL="-accel tcg,thread=multi"

# Virtual time is then the number of instructions executed, 2^SHIFT ns each, whatever else
# the machine does, and goes on at once while nobody has work; all processors take turns in
# one thread. With 1 ns figures are instructions; with 8 ns, about what an emulated
# instruction takes, a second of a busy host is not longer than one of the machine.
LAB_ACCEL_ICOUNT="-accel tcg,thread=single -icount shift=0,sleep=off"
LAB_ACCEL_COUNTED="-accel tcg,thread=single -icount shift=3,sleep=off"

# memory_arguments GIB: of a host. What nobody writes to is not taken from this machine,
# which need not have that much. A kernel that is told to be exact about that (2) has to
# have it: QEMU refuses to ask it for more. QEMU looks itself, and the chroot has no /proc.
memory_arguments() {
	local machine=/proc/sys/vm/overcommit_memory new

	printf '%s' "-m ${1}G"
	[ "$(cat "$machine")" != 2 ] || return 0
	mkdir -p "$LAB_TOOLS${machine%/*}"
	new=$(mktemp "$LAB_TOOLS$machine.XXXXXX")
	cat "$machine" >"$new"
	mv -f "$new" "$LAB_TOOLS$machine"
	printf ' %s' "-machine memory-backend=ram" \
		"-object memory-backend-ram,id=ram,size=${1}G,reserve=off"
}

# new_run LABEL: a directory for the logs of one boot; prints its name, which ends with the
# process that it is for.
new_run() {
	local run

	prune_runs
	run=$LAB_STATE/runs/$(date +%Y%m%d-%H%M%S)-$1-$$
	mkdir -p "$run"
	printf '%s' "$run"
}

# ended_runs [TEST...]: runs whose process is gone, and for which the tests of find hold,
# the newest first.
ended_runs() {
	local run

	find "$LAB_STATE/runs" -mindepth 1 -maxdepth 1 -type d "$@" -printf '%T@ %p\n' 2>/dev/null |
		sort -rn | cut -d' ' -f2- |
		while read -r run; do
			[ -e "/proc/${run##*-}" ] || printf '%s\n' "$run"
		done
}

# What is no log of a run. It is still there where that was killed.
LAB_RUN_WORK=(payload.erofs initrd job checkout fuzzer 'tree-*' linux applied arm64-m arm64-y
	amd64 bare make-install)

# Forgets all but the newest runs, and of these what they worked with. The latter waits for
# two hours, as a container that shares the cache has processes that are not seen here.
prune_runs() {
	local run name work=()

	for name in "${LAB_RUN_WORK[@]}"; do
		work+=(-o -name "$name")
	done
	ended_runs | sed 1,40d | xargs -r -d '\n' rm -rf
	ended_runs -mmin +120 | while read -r run; do
		find "$run" -mindepth 1 -maxdepth 1 \( "${work[@]:1}" \) -exec rm -rf {} +
	done
}

# A directory that the host of the next run finds as /lab/files, empty for none. What is
# large belongs into the payload: this is unpacked into the host's memory.
LAB_FILES=

# write_job RUN BUILD COMMAND...: what PID 1 will run, in a cpio archive behind the
# initramfs.
write_job() {
	local run=$1 build=$2

	shift 2
	mkdir -p "$run/job"
	[ -z "$LAB_FILES" ] || cp -a "$LAB_FILES" "$run/job/files"
	printf '#!/bin/bash\ncd /lab || exit 1\nexec %s\n' "${*@Q}" >"$run/job/job"
	chmod +x "$run/job/job"
	{
		cat "$build/initramfs.cpio"
		make_cpio "$run/job"
	} >"$run/initrd"
	# The images of this run stay what they are while somebody builds anew.
	ln "$build/payload.erofs" "$run/payload.erofs"
}

# follow FILE FILTER COMMAND...: shows what is written to FILE while COMMAND runs
# in a process group of its own, which does not outlive this program.
follow() {
	local file=$1 filter=$2 status=0 pid

	shift 2
	: >"$file"
	group_start "$@"
	pid=$!
	tail -s 0.2 -n +1 -f --pid="$pid" "$file" | "$filter"
	wait "$pid" || status=$?
	group_remove "$pid"
	return "$status"
}

# Of a TAP stream, the results of whole tests and what failed inside.
brief() {
	grep --line-buffered -E '^[^ ]|^    not ok|^    # kernel' || true
}

# boot_host RUN KERNEL MODE TIMEOUT: runs QEMU to its end. MODE is "job" or "shell".
boot_host() {
	local run kernel=$2 mode=$3 timeout=$4 arch name job nonce memory machine cmdline accel=$LAB_ACCEL extra=()

	run=$(inside "$1")
	arch=$(kernel_arch "$kernel")
	name=$(machine_of "$kernel")
	nonce=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
	printf '%s\n' "$nonce" >"$1/nonce"
	job="-chardev file,id=job,path=$run/output.log -device virtserialport,chardev=job,name=lab.job"
	[ ! -S "$1/queue" ] ||
		job+=" -chardev socket,id=queue,path=$run/queue -device virtserialport,chardev=queue,name=lab.queue"
	if [ "$mode" = shell ]; then
		job="-chardev stdio,id=job,mux=on,signal=off -device virtconsole,chardev=job -mon chardev=job"
	fi
	memory=$(memory_arguments $((LAB_MEMORY + ${MACHINE_EXTRA[$name]})))
	[ -z "$LAB_EXTRA" ] || extra=(-drive
		"if=virtio,format=raw,readonly=on,file=$(inside "$(product_dir "$LAB_EXTRA")")/extra.erofs")
	[ ! -e "$1/counted" ] || accel=$LAB_ACCEL_COUNTED
	# shellcheck disable=SC2206 # lists of words
	machine=(${MACHINE_ARGUMENTS[$name]} $accel $LAB_MACHINE $memory $job)
	cmdline="${MACHINE_CMDLINE[$name]/POOL/$((LAB_MEMORY - 2))G} ${LAB_CMDLINE//[[:space:]]/ }"
	cmdline="$cmdline$(kernel_cmdline "$kernel") lab.mode=$mode lab.nonce=$nonce $LAB_APPEND"
	run_qemu "$1" "$kernel" "$timeout" "${ARCH_QEMU[$arch]}" "${machine[@]}" \
		-chardev "file,id=verdict,path=$run/verdict" \
		-device virtserialport,chardev=verdict,name=lab.verdict \
		-chardev "file,id=kernel,path=$run/kernel.log" -serial chardev:kernel \
		-drive "if=virtio,format=raw,readonly=on,file=$(inside "$(root_dir "$arch")")/root.erofs" \
		-drive "if=virtio,format=raw,readonly=on,file=$run/payload.erofs" "${extra[@]}" \
		-kernel "$(inside "$(kernel_dir "$kernel")")/Image" -initrd "$run/initrd" \
		-append "$cmdline"
}

# Adds what boots this machine to the toolchain.
add_machine() {
	[ -z "${MACHINE_TOOLS[$1]}" ] || tools_add "${MACHINE_TOOLS[$1]}"
}

# build_to_boot KERNEL: builds, for runs that are made before built_to_boot.
build_to_boot() {
	build "$1"
	add_machine "$(machine_of "$1")"
}

built_to_boot() {
	flock --unlock "$LAB_BUILD_LOCK"
}

# make_run LABEL KERNEL COMMAND...: a run for the job; sets LAB_RUN.
make_run() {
	local label=$1 kernel=$2

	shift 2
	LAB_RUN=$(new_run "$label")
	write_job "$LAB_RUN" "$(build_dir "$kernel")" "$@"
	kernel_checks "$kernel" >"$LAB_RUN/checks"
}

# start_run LABEL KERNEL COMMAND...: builds, and makes a run for the job; sets LAB_RUN.
start_run() {
	build_to_boot "$2"
	make_run "$@"
	built_to_boot
}

# Keeps the images out of the logs.
end_run() {
	rm -rf "$LAB_RUN/payload.erofs" "$LAB_RUN/initrd" "$LAB_RUN/job"
}

# Runs the job of LAB_RUN to its end; FILTER is what the terminal gets of its output.
run_host() {
	follow "$LAB_RUN/output.log" "$1" boot_host "$LAB_RUN" "$LAB_KERNEL" job "$LAB_TIMEOUT"
	end_run
}

run_shell() {
	boot_host "$LAB_RUN" "$LAB_KERNEL" shell "$LAB_TIMEOUT"
	end_run
}
