# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Simulated GPUs and their drivers, for the runner, the bash tests and the demo.
# Every function returns non-zero and says why on stderr when it fails.
# Each test calls most of them: what bash can do itself starts no program, as an
# emulated CPU needs 40 ms for one.

SIM_ROOT=/sys/kernel/config/nvgpu-sim
PCI_ROOT=/sys/bus/pci

complain() {
	printf '%s\n' "$*" >&2
	return 1
}

# write_attr FILE VALUE: the error that the kernel gives, as one line.
write_attr() {
	local out

	out=$({ printf '%s' "$2" >"$1"; } 2>&1) && return
	complain "writing \"$2\" to $1: ${out##*: }"
}

load_sim() {
	modprobe nvgpu-sim || complain "cannot load nvgpu-sim: see dmesg"
}

# make_gpu NAME [ATTRIBUTE=VALUE...]: makes the GPU and plugs it in. Leaves nothing if it
# fails.
make_gpu() {
	local name=$1 attr

	shift
	mkdir "$SIM_ROOT/$name" || return
	for attr in "$@" live=1; do
		if ! write_attr "$SIM_ROOT/$name/${attr%%=*}" "${attr#*=}"; then
			rmdir "$SIM_ROOT/$name"
			return 1
		fi
	done
}

gpu_bdf() {
	printf '%s\n' "$(<"$SIM_ROOT/$1/dev_name")"
}

remove_gpu() {
	if [ "$(<"$SIM_ROOT/$1/live")" != 0 ]; then
		write_attr "$SIM_ROOT/$1/live" 0 || return
	fi
	rmdir "$SIM_ROOT/$1"
}

is_bound() {
	[ -e "$PCI_ROOT/devices/$1/driver" ]
}

# Name of the driver that has the function, empty if none.
driver_of() {
	local link=

	! is_bound "$1" || link=$(readlink "$PCI_ROOT/devices/$1/driver")
	printf '%s' "${link##*/}"
}

# prepare_bind BDF DRIVER: all but the bind itself, for those who measure that.
prepare_bind() {
	module_is_loaded "$2" || modprobe "${2//_/-}" || return
	! is_bound "$1" || unbind_gpu "$1" || return
	write_attr "$PCI_ROOT/devices/$1/driver_override" "$2"
}

bind_prepared() {
	write_attr "$PCI_ROOT/drivers/$2/bind" "$1"
}

# bind_gpu BDF DRIVER: exactly this driver, by driver_override.
bind_gpu() {
	prepare_bind "$@" && bind_prepared "$@"
}

# Sets NOW_MS: a monotonic clock in steps of 10 ms, without a process.
read_clock() {
	read -r NOW_MS _ </proc/uptime
	NOW_MS=$((10#${NOW_MS/./} * 10))
}

unbind_gpu() {
	! is_bound "$1" || write_attr "$PCI_ROOT/devices/$1/driver/unbind" "$1" || return
	write_attr "$PCI_ROOT/devices/$1/driver_override" $'\n'
}

group_of() {
	local link

	link=$(readlink "$PCI_ROOT/devices/$1/iommu_group")
	printf '%s\n' "${link##*/}"
}

# One line for each resource in iomem that our driver has claimed, without indentation.
claims() {
	sed -n 's/^ *\(.* : nvgpu .*\)/\1/p' /proc/iomem
}

module_is_loaded() {
	[ -d "/sys/module/${1//-/_}" ]
}

# References to a module by whoever is not a module; empty if it is not loaded.
module_refs() {
	local refs=

	! module_is_loaded "$1" || read -r refs <"/sys/module/${1//-/_}/refcnt"
	printf '%s\n' "$refs"
}

# kernel_log_since MARK [REGEX]: what the kernel said since mark_kernel_log MARK, or the
# lines of it that match.
kernel_log_since() {
	dmesg | awk -v mark="nvgpu-selftest: $1" -v regex="${2:-}" '
		substr($0, length($0) - length(mark) + 1) == mark { text = ""; next }
		$0 ~ regex { text = text $0 "\n" }
		END { printf "%s", text }'
}

mark_kernel_log() {
	printf 'nvgpu-selftest: %s\n' "$1" >/dev/kmsg
}

# Prints the lines that no run may cause.
kernel_splats() {
	kernel_log_since "$1" | grep -E -f <(sed '/^#/d' /lab/tools/lab/splats)
}

# Wants a kernel with kmemleak; succeeds where there is none.
no_leak_found() {
	local report=/sys/kernel/debug/kmemleak out

	[ -w "$report" ] || return 0
	echo scan >"$report"
	sleep 5
	echo scan >"$report"
	out=$(cat "$report")
	[ -z "$out" ] || complain "kmemleak: $out"
}
