#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest's devices reach all that is behind the GPU's BARs: the IOMMU's page table has it
# at the guest's addresses, in pages as large as the addresses permit. Once with a type1
# container, once with iommufd, for which QEMU exports each BAR as a dma-buf.
# shellcheck disable=SC2317,SC2329 # functions that "check" calls

set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"
# shellcheck source=lib/guest.sh
. "$HERE/lib/guest.sh"

PAGE=$(getconf PAGE_SIZE)
# The simulated IOMMU's, the largest first.
IO_PAGES="$((1 << 30)) $((2 << 20)) $((64 << 10)) $PAGE"

# Sets USEMEM and RESMEM, bytes of each, as the GPU's attributes demand it.
read_layout() {
	local size

	size=$(<"$NVGPU_SIM/memory_size")
	USEMEM=$size RESMEM=0
	[ "$(<"$NVGPU_SIM/mig_fixed")" = 1 ] && return
	USEMEM=$((((size - (1 << 30)) >> 29) << 29))
	RESMEM=$((size - USEMEM))
}

# physical BAR: where it starts and how long it is, "0 0" if the guest has none.
physical() {
	local memory start end

	memory=$(<"$NVGPU_SIM/memory_range")
	memory=${memory%%-*}
	case $1:$RESMEM in
	4:*) echo "$((memory)) $USEMEM" ;;
	2:0 | 0:*)
		read -r start end _ < <(sed -n "$(($1 + 1))p" "$PCI_ROOT/devices/$NVGPU_BDF/resource")
		echo "$((start)) $((end ? end - start + 1 : 0))"
		;;
	2:*) echo "$((memory + USEMEM)) $RESMEM" ;;
	esac
}

# hole BAR: where what QEMU does not map of it begins and ends, "0 0" for nothing: the page
# with the MSI-X table, which it emulates.
hole() {
	local table

	table=$(lspci -vv -s "$NVGPU_BDF" | sed -n "s/.*Vector table: BAR=$1 offset=//p")
	if [ -n "$table" ]; then
		table=$((0x$table & -PAGE))
		echo "$table $((table + PAGE))"
	else
		echo "0 0"
	fi
}

# largest_pages IOVA PHYSICAL SIZE PAGE: does no larger page fit into a range of these?
largest_pages() {
	local page block

	for page in $IO_PAGES; do
		[ "$page" -gt "$4" ] || return 0
		block=$((($1 + page - 1) & -page))
		[ $((($1 - $2) % page)) -ne 0 ] || [ $((block + page)) -gt $(($1 + $3)) ] ||
			complain "pages of $4 bytes at $(printf '0x%x' "$1"), where one of $page fits" || return
	done
}

# mapped IOVA PHYSICAL SIZE: is all of that in MAP?
mapped() {
	local iova=$1 phys=$2 end=$(($1 + $3)) start pa size page

	while read -r start pa size page; do
		[ $((start + size)) -gt "$iova" ] || continue
		[ $((start)) -lt "$end" ] || break
		[ "$((start)) $((pa))" = "$iova $phys" ] ||
			complain "$start shows $pa, expected $(printf '0x%x to show 0x%x' "$iova" "$phys")" || return
		largest_pages "$iova" "$phys" $((size)) $((page)) || return
		iova=$((iova + size))
		phys=$((phys + size))
	done <<<"$MAP"
	[ "$iova" -eq "$end" ] ||
		complain "$(printf '0x%x of 0x%x bytes are mapped from 0x%x on' $((iova - $1)) "$3" "$1")"
}

# bar_mapped BAR IOVA: all that is behind it.
bar_mapped() {
	local phys size first rest

	read -r phys size < <(physical "$1")
	read -r first rest < <(hole "$1")
	mapped "$2" "$phys" "$first" &&
		mapped $(($2 + rest)) $((phys + rest)) $((size - rest))
}

# start_guest OPTIONS DEVICE-PROPERTIES: until it has told where its BARs are; fills QEMU.
start_guest() {
	: >"$CONSOLE"
	exec {KEYS}<>"$WORK/keys"
	# shellcheck disable=SC2086 # a list of options
	timeout --kill-after=5 "$GUEST_SECONDS" qemu-system-aarch64 $1 \
		-M "virt,gic-version=3" -accel kvm -cpu host -m 256M \
		-nodefaults -display none -serial stdio -no-reboot \
		-kernel "$GUEST_FILES/Image" -initrd "$WORK/initrd" \
		-append "console=ttyAMA0 quiet panic=-1 gpu.token=$GUEST_TOKEN" \
		-device "vfio-pci,host=$NVGPU_BDF$2" <&"$KEYS" >"$CONSOLE" 2>"$WORK/errors" &
	QEMU=$!
	until grep -q "^up $GUEST_TOKEN" "$CONSOLE" || ! kill -0 "$QEMU" 2>/dev/null; do
		sleep 1
	done
}

# end_guest: its status is QEMU's.
end_guest() {
	echo >&"$KEYS"
	exec {KEYS}>&-
	wait "$QEMU"
}

# errors_of_qemu: without its warning that the kernel exports no dma-buf, where that is true:
# before Linux 6.19.
errors_of_qemu() {
	if grep -qw vfio_pci_core_feature_dma_buf /proc/kallsyms; then
		cat "$WORK/errors"
	else
		sed '/VFIO dma-buf not supported in kernel/d' "$WORK/errors"
	fi
}

# check_guest NAME OPTIONS DEVICE-PROPERTIES
check_guest() {
	local bar start status=0

	start_guest "$2" "$3"
	MAP=$(<"$NVGPU_SIM/dma_map")
	end_guest || status=$?
	sed 's/^/# /' "$CONSOLE" "$WORK/errors"
	grep '^0x000000[^0]' <<<"$MAP" | sed 's/^/# /'
	check_is "$1: status of QEMU" "$status" 0
	check_is "$1: QEMU has nothing to say" "$(errors_of_qemu)" ""
	for bar in 0 2 4; do
		start=$(sed -n "s/^bar $bar \(0x[0-9a-f]*\).*/\1/p" "$CONSOLE")
		check "$1: BAR$bar of the guest is mapped" bar_mapped "$bar" $((start))
	done
}

guest_or_skip
read_layout
WORK=$(mktemp -d)
CONSOLE=$WORK/console
trap 'rm -rf "$WORK"' EXIT
mkfifo "$WORK/keys"
guest_initrd "$WORK/initrd" "$HERE/lib/dma-init" || exit
GUEST_TOKEN=$(od -An -N6 -tx8 /dev/urandom | tr -d ' ')

tap_plan 10
check_guest type1 "" ""
if [ -e /dev/vfio/devices ]; then
	check_guest iommufd "-object iommufd,id=iommufd0" ",iommufd=iommufd0"
else
	for name in "status of QEMU" "QEMU has nothing to say" "BAR0 of the guest is mapped" \
		"BAR2 of the guest is mapped" "BAR4 of the guest is mapped"; do
		skip "iommufd: $name" "this kernel has no cdevs of vfio devices"
	done
fi
tap_end
