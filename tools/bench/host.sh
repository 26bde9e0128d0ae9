#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Inside the emulated host: the measuring programs, with each driver in turn, A B A B.

set -u

HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${NVGPU_BIN:-/lab/bin}/bench
OURS=nvgpu_vfio_pci
THEIRS=nvgrace_gpu_vfio_pci
PLAIN=vfio-pci
FAMILIES="config io map reset threads faults qemu large"

# shellcheck source=../test/selftests/lib/gpu.sh
. "$HERE/../test/selftests/lib/gpu.sh"

usage() {
	cat <<-END
	usage: $0 ROUNDS FAMILY...
	Prints the figures of the measuring programs, with the driver and the round
	behind the word "bench". Families: $FAMILIES

	  --help   this text

	Exit status: 0 all was measured, 1 something failed, 2 wrong usage.
	END
}

# A GPU given to a guest. The window for BARs is where guest.S says.
boot_guest() {
	local size

	size=$(($(cat "$NVGPU_SIM/memory_size") >> 30))G
	"$BIN/boot" "$size" qemu-system-aarch64 -M virt,gic-version=3 -accel kvm -cpu host \
		-m 256M -nodefaults -display none -serial stdio -no-reboot \
		-kernel "$BIN/guest" -device "vfio-pci,host=$NVGPU_BDF,addr=1,rombar=0"
}

run_family() {
	case $1 in
	config | io | map | reset)
		"$BIN/$1"
		;;
	threads)
		"$BIN/threads" && "$HERE/locks.sh" "$BIN/threads" wait 1 &&
			"$HERE/locks.sh" "$BIN/threads" wait 4
		;;
	faults)
		"$BIN/threads" faults && "$HERE/locks.sh" "$BIN/threads" touch
		;;
	qemu)
		boot_guest
		;;
	large)
		"$BIN/map" all
		;;
	esac
}

# gpu_of FAMILY: attributes of the GPU that it is measured on.
gpu_of() {
	case $1 in
	large) echo device_id=0x2941 mig_fixed=1 memory_size=64G ;;
	faults | qemu) echo device_id=0x2941 mig_fixed=1 memory_size=16G ;;
	esac
}

# Plain vfio-pci is the limit where memory does not matter.
drivers_of() {
	[ "$1" != config ] || echo "$PLAIN"
	echo "$OURS"
	echo "$THEIRS"
}

# measure FAMILY ROUND DRIVER: leaves the function without a driver whatever happens.
measure() {
	local status

	printf '# round %d: %s with %s\n' "$2" "$1" "$3"
	bind_gpu "$NVGPU_BDF" "$3" || return
	run_family "$1" | sed -u "s/^bench\t/bench\t$3\t$2\t/"
	status=${PIPESTATUS[0]}
	unbind_gpu "$NVGPU_BDF" || return
	[ "$status" -eq 0 ] || complain "# round $2: $1 failed with $3"
}

# measure_family FAMILY ROUND: with all its drivers, on one GPU.
measure_family() {
	local driver attributes status=0

	read -ra attributes <<<"$(gpu_of "$1")"
	make_gpu "$1" "${attributes[@]}" || return
	NVGPU_BDF=$(gpu_bdf "$1")
	NVGPU_SIM=$SIM_ROOT/$1
	export NVGPU_BDF NVGPU_SIM
	for driver in $(drivers_of "$1"); do
		measure "$1" "$2" "$driver" || status=1
	done
	remove_gpu "$1" && return "$status"
}

main() {
	local rounds=$1 round family status=0

	shift
	load_sim || return
	modprobe vfio_iommu_type1 || return
	for ((round = 1; round <= rounds; round++)); do
		for family in "$@"; do
			measure_family "$family" "$round" || status=1
		done
	done
	return "$status"
}

case ${1:-} in
--help) usage; exit 0 ;;
[1-9]*) ;;
*) usage >&2; exit 2 ;;
esac
for family in "${@:2}"; do
	[[ " $FAMILIES " == *" $family "* ]] || { usage >&2; exit 2; }
done
main "$@" || exit 1
