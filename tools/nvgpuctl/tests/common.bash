# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For all bats files: a healthy host in $HOST for each test, and fault injection.
# shellcheck disable=SC2154 # bats sets output and status

# Set by tests/run: directory of the test programs.
: "${BIN:?run the tests by tools/nvgpuctl/tests/run}"
A=0009:01:00.0
B=0019:01:00.0
# shellcheck disable=SC2034 # bats files use it
RELEASE=7.3.4-64k

# shellcheck disable=SC2034 # bats files use them
setup() {
	HOST=$BATS_TEST_TMPDIR/host
	cp -a "$BATS_FILE_TMPDIR/host" "$HOST"
	export LC_ALL=C.UTF-8
	unset COLUMNS NO_COLOR
}

setup_file() {
	MODULE=$BIN/module.ko "$BATS_TEST_DIRNAME/make-host" "$BATS_FILE_TMPDIR/host"
}

nvgpuctl() {
	"$BIN/nvgpuctl-test" --sysroot "$HOST" "$@"
}

# gpu_dir BDF: its sysfs directory.
gpu_dir() {
	printf '%s/sys/bus/pci/devices/%s' "$HOST" "$1"
}

driver_of() {
	[ -L "$(gpu_dir "$1")/driver" ] || return 0
	basename "$(readlink "$(gpu_dir "$1")/driver")"
}

# bound_to BDF DRIVER: binds a GPU to a driver, without nvgpuctl.
bound_to() {
	ln -sfnr "$HOST/sys/bus/pci/drivers/$2" "$(gpu_dir "$1")/driver"
}

# is_device BDF ID [CLASS]: gives a GPU another device id, 4 digits, and class.
is_device() {
	echo "0x$2" >"$(gpu_dir "$1")/device"
	echo "0x${3:-030200}" >"$(gpu_dir "$1")/class"
}

# has_memory BDF: adds the sysfs files of a GPU bound to nvgpu-vfio-pci.
has_memory() {
	local dir

	bound_to "$1" nvgpu_vfio_pci
	dir=$(gpu_dir "$1")/coherent_memory
	mkdir -p "$dir"
	echo 0x420000000000 >"$dir/base"
	echo $((97 << 30)) >"$dir/size"
	echo $((96 << 30)) >"$dir/usemem_size"
	echo 4 >"$dir/usemem_bar"
	echo $((128 << 30)) >"$dir/usemem_bar_size"
	echo $((1 << 30)) >"$dir/resmem_size"
	echo 2 >"$dir/resmem_bar"
	echo $((1 << 30)) >"$dir/resmem_bar_size"
	echo ready >"$dir/ready"
	echo 3 >"$dir/resets"
	echo 0 >"$dir/poisoned_pages"
}

# A process of the host: process PID COMM FILE...
process() {
	local pid=$1 file fd=3

	mkdir -p "$HOST/proc/$pid/fd"
	echo "$2" >"$HOST/proc/$pid/comm"
	: >"$HOST/proc/$pid/maps"
	shift 2
	for file in "$@"; do
		ln -sfn "$file" "$HOST/proc/$pid/fd/$fd"
		fd=$((fd + 1))
	done
}

# fact NAME VALUE; without a value the fact is unknown.
fact() {
	sed -i "/^$1=/d" "$HOST/nvgpuctl.facts"
	[ $# -lt 2 ] || printf '%s=%s\n' "$1" "$2" >>"$HOST/nvgpuctl.facts"
}

# Prints all state that a driver change can affect.
state() {
	(
		cd "$HOST" || exit
		for gpu in "$A" "$B"; do
			printf '%s %s %s\n' "$gpu" "$(driver_of "$gpu")" \
				"$(cat "sys/bus/pci/devices/$gpu/driver_override")"
		done
		find etc/driverctl.d -type f | sort | xargs -r grep -H .
	)
}

# output_has TEXT: the output of "run" has it, ignoring line ends and indents.
output_has() {
	tr -s ' \n' ' ' <<<"$output" | grep -qF -- "$1" || {
		printf 'no "%s" in:\n%s\n' "$1" "$output" >&2
		return 1
	}
}

# output_lacks PATTERN: no line matches. "! grep" fails a test only in its last line.
output_lacks() {
	if grep -E -- "$1" <<<"$output" >&2; then
		printf 'those lines match "%s"\n' "$1" >&2
		return 1
	fi
}

status_is() {
	[ "$status" -eq "$1" ] || {
		printf 'status %s, expected %s; output:\n%s\n' "$status" "$1" "$output" >&2
		return 1
	}
}

# fits_columns NUMBER: no line is longer, none has escapes.
fits_columns() {
	local line

	while IFS= read -r line; do
		[ ${#line} -le "$1" ] || {
			printf '%s columns: %s\n' ${#line} "$line" >&2
			return 1
		}
	done <<<"$output"
	output_lacks $'\033'
}

fits_80_columns() {
	fits_columns 80
}

# json FILTER: a value of the JSON in $output, by python.
json() {
	python3 -c "import json, sys; d = json.load(sys.stdin); print($1)" <<<"$output"
}
