#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What each driver does with each kind of GPU: plain vfio-pci, the unmodified
# in-tree nvgrace-gpu, and ours. The table says what their sources promise; that
# nvgrace-gpu keeps its promises here is the proof of the simulation.

set -u
HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${NVGPU_BIN:-/lab/bin}
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

PARKED="memory_size=512M mig_fixed=1"	# at an address that nobody looks at
DEVICE_IDS="0x2342 0x2345 0x2348 0x2941 0x31c2"
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT

# One line for each driver in each scenario:
# scenario driver bind seconds BAR2 BAR4 attributes...
#   bind     "bound", or the error of the bind with "_" for blanks
#   seconds  LEAST-MOST: that the driver has to wait for the hardware, and that the bind may
#            take; nvgrace-gpu polls once a second, so it ends up to one poll late
#   BARs     size in MiB, and "/" the memory behind it where it is GPU memory
table() {
	cat <<-END
	gh200		vfio	bound	0-1	128		32
	gh200		nvgrace	bound	0-1	2048/1152	4096/2560
	gh200		nvgpu	bound	0-1	2048/1152	4096/2560
	gb200		vfio	bound	0-1	128		32	device_id=0x2941 mig_fixed=1
	gb200		nvgrace	bound	0-1	128		4096/3712	device_id=0x2941 mig_fixed=1
	gb200		nvgpu	bound	0-1	128		4096/3712	device_id=0x2941 mig_fixed=1
	gb200-mig-bug	nvgrace	bound	0-1	2048/1152	4096/2560	device_id=0x2941
	gb200-mig-bug	nvgpu	bound	0-1	2048/1152	4096/2560	device_id=0x2941
	gb200-no-bar2	nvgrace	bound	0-1	0		4096/3712	device_id=0x2941 mig_fixed=1 bar2_size=0
	gb200-no-bar2	nvgpu	bound	0-1	0		4096/3712	device_id=0x2941 mig_fixed=1 bar2_size=0
	no-memory	vfio	bound	0-1	128		32	properties=none
	no-memory	nvgrace	bound	0-1	128		32	properties=none
	no-memory	nvgpu	bound	0-1	128		32	properties=none
	base-only	nvgrace	bound	0-1	128		32	properties=base
	base-only	nvgpu	No_such_device	0-1	-	-	properties=base
	size-only	nvgrace	bound	0-1	128		32	properties=size
	size-only	nvgpu	No_such_device	0-1	-	-	properties=size
	size-0		nvgrace	bound	0-1	128		32	memory_size=0
	size-0		nvgpu	No_such_device	0-1	-	-	memory_size=0
	no-usemem	nvgrace	Invalid_argument	0-1	-	-	memory_size=1280M
	no-usemem	nvgpu	Invalid_argument	0-1	-	-	memory_size=1280M
	training	vfio	bound	0-1	128		32	training_ms=3000
	training	nvgrace	bound	3-5	2048/1152	4096/2560	training_ms=3000
	training	nvgpu	bound	3-5	2048/1152	4096/2560	training_ms=3000
	cxl		vfio	bound	0-1	128		32	cxl=1
	cxl		nvgrace	bound	0-1	2048/1152	4096/2560	cxl=1
	cxl		nvgpu	bound	0-1	2048/1152	4096/2560	cxl=1
	cxl-training	nvgrace	bound	3-5	2048/1152	4096/2560	cxl=1 cxl_timeout=1 training_ms=3000
	cxl-training	nvgpu	bound	3-5	2048/1152	4096/2560	cxl=1 cxl_timeout=1 training_ms=3000
	cxl-inactive	vfio	bound	0-1	128		32	cxl=1 cxl_timeout=1 cxl_inactive=1
	cxl-inactive	nvgrace	Timer_expired	4-8	-	-	cxl=1 cxl_timeout=1 cxl_inactive=1
	cxl-inactive	nvgpu	Timer_expired	4-8	-	-	cxl=1 cxl_timeout=1 cxl_inactive=1
	cxl-c2c-down	nvgrace	bound	0-1	2048/1152	4096/2560	cxl=1 c2c_down=1
	cxl-c2c-down	nvgpu	bound	0-1	2048/1152	4096/2560	cxl=1 c2c_down=1
	END
}

# These take the 30 s that the drivers give the hardware, all at once: six GPUs with
# memory of their own would not fit the pool, and nobody gets to see the memory.
waiting_table() {
	cat <<-END
	never-ready	vfio	bound	0-8	128	32	never_ready=1 memory_base=0x1000000000 $PARKED
	never-ready	nvgrace	Timer_expired	30-60	-	-	never_ready=1 memory_base=0x1000000000 $PARKED
	never-ready	nvgpu	Timer_expired	30-60	-	-	never_ready=1 memory_base=0x1000000000 $PARKED
	c2c-down	vfio	bound	0-8	128	32	c2c_down=1 memory_base=0x2000000000 $PARKED
	c2c-down	nvgrace	Timer_expired	30-60	-	-	c2c_down=1 memory_base=0x2000000000 $PARKED
	c2c-down	nvgpu	Timer_expired	30-60	-	-	c2c_down=1 memory_base=0x2000000000 $PARKED
	no-mem-unready	nvgrace	Timer_expired	30-60	-	-	never_ready=1 properties=none memory_base=0x3000000000
	no-mem-unready	nvgpu	bound	0-8	128	32	never_ready=1 properties=none memory_base=0x3000000000
	END
}

driver_name() {
	case $1 in
	vfio) echo vfio-pci ;;
	nvgrace) echo nvgrace_gpu_vfio_pci ;;
	nvgpu) echo nvgpu_vfio_pci ;;
	esac
}

have_driver() {
	[ "$1" != nvgrace ] || modinfo nvgrace-gpu-vfio-pci >/dev/null 2>&1
}

# bar_of NUMBER LAYOUT: as in the table.
bar_of() {
	awk -F= -v bar="bar$1" -v MiB=$((1 << 20)) '
		$1 == bar ".size" { size = $2 }
		$1 == bar ".memory" { memory = $2 }
		END { printf "%d", size / MiB; if (memory) printf "/%d", memory / MiB }
	' <<<"$2"
}

# try_bind BDF DRIVER PLUGGED: "BIND SECONDS WAITED". The wait for the hardware, at most: one
# that succeeds ends with the training, which begins when the GPU is plugged in, one that
# fails with the driver's limit.
try_bind() {
	local driver out begin ms

	driver=$(driver_name "$2")
	prepare_bind "$1" "$driver" || return
	read_clock
	begin=$NOW_MS
	out=$(bind_prepared "$1" "$driver" 2>&1) && out="x: bound"
	read_clock
	ms=$((NOW_MS - begin))
	out=${out##*: }
	[ "$out" != bound ] || begin=$3
	echo "${out// /_} $((ms / 1000)) $(((NOW_MS - begin + 10) / 1000))"
}

# play NAME DRIVER ATTRIBUTES...: "BIND SECONDS BAR2 BAR4 WAITED" as seen.
play() {
	local name=$1 driver=$2 bdf bind seconds waited layout bars="- -"

	shift 2
	read_clock
	make_gpu "$name" "$@" || return
	bdf=$(gpu_bdf "$name")
	read -r bind seconds waited <<<"$(try_bind "$bdf" "$driver" "$NOW_MS")"
	if [ "$bind" = bound ]; then
		layout=$("$BIN/gpu-layout" --plain "$bdf") || return
		bars="$(bar_of 2 "$layout") $(bar_of 4 "$layout")"
	fi
	echo "$bind $seconds $bars $waited"
	unbind_gpu "$bdf" && remove_gpu "$name"
}

# is_late SEEN EXPECTED: a bind with the expected end that took too long.
is_late() {
	local got expected

	read -ra got <<<"$1"
	read -ra expected <<<"$2"
	[ "${got[0]:-}" = "${expected[0]}" ] && [ "${got[1]}" -gt "${expected[1]#*-}" ]
}

# compare NAME SEEN EXPECTED: "BIND SECONDS BAR2 BAR4", and "WAITED" after what was seen.
compare() {
	local got expected

	read -ra got <<<"$2"
	read -ra expected <<<"$3"
	if [ "${got[0]:-}" = "${expected[0]}" ] && [ "${got[*]:2:2}" = "${expected[*]:2}" ] &&
		[ ${#got[@]} -eq 5 ] && [ "${got[4]}" -ge "${expected[1]%-*}" ] && ! is_late "$2" "$3"; then
		pass "$1"
	else
		fail "$1" "seen: $2; expected: $3"
	fi
}

# One line of the table. The GPU's name is free again afterwards.
judge() {
	local scenario=$1 driver=$2 want="${*:3:4}" log=$OUT/$1-$2

	if have_driver "$driver"; then
		printf '# %-15s %-8s %s\n' "$scenario" "$driver" "$(tail -n 1 "$log")" >>"$OUT/table"
		compare "$scenario, $driver" "$(tr '\n' ' ' <"$log")" "$want"
	else
		skip "$scenario, $driver" "no nvgrace-gpu-vfio-pci for this kernel"
	fi
}

# start LINE: the scenario's result goes to a file. A busy host makes a bind late; a driver
# that waits too long always is.
start() {
	local scenario=$1 driver=$2 want="${*:3:4}" log=$OUT/$1-$2

	shift 6
	: >"$log"
	have_driver "$driver" || return 0
	for _ in 1 2 3; do
		play "$scenario-$driver" "$driver" "$@" >"$log" 2>&1
		is_late "$(tail -n 1 "$log")" "$want" || break
	done
}

play_table() {
	local line

	while read -ra line; do
		start "${line[@]}"
		judge "${line[@]}"
	done <<<"$(table)"
}

play_waiting_table() {
	local line

	while read -ra line; do
		start "${line[@]}" &
	done <<<"$(waiting_table)"
	wait
	while read -ra line; do
		judge "${line[@]}"
	done <<<"$(waiting_table)"
}

# Drivers that say that they are for a device, as libvirt finds them.
drivers_for() {
	local bdf alias

	make_gpu id "device_id=$1" || return
	bdf=$(gpu_bdf id)
	alias=$(cat "$PCI_ROOT/devices/$bdf/modalias")
	remove_gpu id || return
	modprobe --resolve-alias "vfio_$alias" | sort | xargs
}

check_ids() {
	local id driver names=()

	for driver in nvgpu nvgrace vfio; do
		driver=$(driver_name "$driver")
		[ "$driver" != nvgrace_gpu_vfio_pci ] || have_driver nvgrace || continue
		names+=("${driver//-/_}")
	done
	for id in $DEVICE_IDS; do
		check_is "drivers for device $id" "$(drivers_for "$id" 2>&1)" "${names[*]}"
	done
	check_is "drivers for a device of another kind" "$(drivers_for 0x1234 2>&1)" vfio_pci
}

# A bind is not to be measured with the loading of a module.
for driver in vfio nvgrace nvgpu; do
	! have_driver "$driver" || modprobe "$(driver_name "$driver")"
done
read -ra ids <<<"$DEVICE_IDS"
tap_plan $(($({ table; waiting_table; } | wc -l) + ${#ids[@]} + 1))
play_table
play_waiting_table
check_ids
echo "# scenario        driver   bind seconds BAR2 BAR4 (MiB, /memory) seconds that were waited"
cat "$OUT/table"
tap_end
