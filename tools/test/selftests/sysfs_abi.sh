#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The files of coherent_memory against their documentation, which names each with
# mode and meaning, and against what vfio tells of the same device.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${NVGPU_BIN:-/lab/bin}
ABI=$HERE/../../upstream/Documentation/ABI/testing/sysfs-bus-pci-drivers-coherent-memory
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

DRIVER=nvgpu_vfio_pci

documented() {
	sed -n 's|^What:.*/coherent_memory/||p' "$ABI" | sort
}

# Files that the text says can be read by root only.
documented_for_root() {
	awk '/^What:/ { sub(/.*\//, ""); file = $0 } /[Rr]eadable by root only/ { print file }' "$ABI"
}

present() {
	find "$DIR" -type f -printf '%f\n' | sort
}

files_are_documented() {
	[ "$(documented)" = "$(present)" ] ||
		complain "documented are $(documented | xargs), present are $(present | xargs)"
}

modes_are_documented() {
	local file want ret=0

	for file in $(present); do
		want=444
		! documented_for_root | grep -qx "$file" || want=400
		[ "$(stat -c %a "$DIR/$file")" = "$want" ] ||
			complain "$file has mode $(stat -c %a "$DIR/$file"), documented is $want" || ret=1
	done
	return "$ret"
}

writes_fail() {
	local file ret=0

	for file in $(present); do
		! { printf 1 >"$DIR/$file"; } 2>/dev/null || complain "$file can be written" || ret=1
	done
	return "$ret"
}

value() {
	sed -n "s/^$1=//p" <<<"$PLAIN"
}

# agrees PART: size, BAR and its size as region info has them.
agrees() {
	local part=$1 bar got want

	bar=$(cat "$DIR/${part}_bar")
	got="$(cat "$DIR/${part}_size") in $(cat "$DIR/${part}_bar_size")"
	want="$(value "bar$bar.memory") in $(value "bar$bar.size")"
	[ "$got" = "$want" ] || complain "$part: sysfs says $got, region info $want"
}

sum_is_size() {
	local sum

	sum=$(cat "$DIR"/{use,res}mem_size 2>/dev/null | awk '{ n += $1 } END { printf "%d", n }')
	[ "$(cat "$DIR/size")" = "$sum" ] || complain "size is $(cat "$DIR/size"), the parts are $sum"
}

plug() {
	make_gpu abi "$@" && BDF=$(gpu_bdf abi) && bind_gpu "$BDF" $DRIVER || return
	DIR=$PCI_ROOT/devices/$BDF/coherent_memory
	PLAIN=$("$BIN/gpu-layout" --plain "$BDF")
}

unplug() {
	unbind_gpu "$BDF" && remove_gpu abi
}

tap_plan 13
plug
check_is "the documentation names files" "$([ "$(documented | wc -l)" -gt 5 ] && echo yes)" yes
check "every file is documented, every documented file is there" files_are_documented
check "modes are the documented ones" modes_are_documented
check "no file can be written, not even by root" writes_fail
check "usemem agrees with region info" agrees usemem
check "resmem agrees with region info" agrees resmem
check "size is the sum of the parts" sum_is_size
check_is "nobody asked yet: ready is unknown" "$(cat "$DIR/ready")" unknown
check "unplug" unplug

plug mig_fixed=1 memory_size=3221225472
check "memory that fills its BAR: usemem agrees" agrees usemem
check "memory that fills its BAR: size is usemem" sum_is_size
check_is "no file of resmem" "$(present | grep -c resmem)" 0
check "unplug" unplug
tap_end
