#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest as an operator boots it: edk2 as firmware, ACPI, eight memory-less NUMA
# nodes with the GPU as generic initiator of each. The firmware assigns the BARs;
# lspci and setpci look at them. Every size that lspci shows is that of the host's lspci, or
# of region info for a synthetic BAR.

set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"
# shellcheck source=lib/guest.sh
. "$HERE/lib/guest.sh"

SLOT=00:02.0

acpi_guest() {
	GUEST_TOKEN=$(od -An -N6 -tx8 /dev/urandom | tr -d ' ')
	# shellcheck disable=SC2207 # a list of options
	GUEST_COMMAND=(qemu-system-aarch64 -M "virt,gic-version=3" -accel kvm -cpu host -m 512M
		-object "memory-backend-ram,id=mem0,size=512M" -numa "node,nodeid=0,memdev=mem0"
		$(guest_node_options gpu0 1) -bios "$GUEST_FIRMWARE" -nodefaults -display none -serial stdio -no-reboot
		-kernel "$GUEST_FILES/Image" -initrd "$1"
		-append "console=ttyAMA0 quiet panic=-1 gpu.slot=$SLOT gpu.token=$GUEST_TOKEN"
		-device "vfio-pci,host=$NVGPU_BDF,id=gpu0,addr=${SLOT:3:2}")
}

# What the guest said on a topic.
said() {
	sed -n "s/^$1 //p" "$LOG"
}

# Bytes as lspci abbreviates them.
abbreviated() {
	local units=("" K M G T) i=0 size=$1

	while [ "$size" -ge 1024 ] && [ $((size % 1024)) -eq 0 ]; do
		size=$((size / 1024))
		i=$((i + 1))
	done
	printf '%d%s' "$size" "${units[i]}"
}

# sizes BAR: of "lspci -vv" on standard input: its size, and the current and the supported ones
# of its Resizable BAR entry.
sizes() {
	sed -nE "s/.*Region $1: .*\[size=(.*)\]\$/\1/p
		s/.*BAR $1: (current size: .*, supported: .*)/\1/p" | xargs
}

# What "lspci -vv" on standard input says of the length of capabilities and of vectors.
lengths() {
	grep -oE '(Len|Count|offset)=[0-9a-f/]+' | xargs
}

# all_sizes SIZE: what sizes prints of a BAR of this size that cannot be resized.
all_sizes() {
	printf '%s current size: %sB, supported: %sB' "$1" "$1" "$1"
}

# shellcheck disable=SC2317 # called by check
assigned() {
	local line base

	line=$(said lspci | grep "Region $1:")
	base=$(sed -n 's/.*Memory at \([0-9a-f]*\) (64-bit, prefetchable).*/\1/p' <<<"$line")
	[ -n "$base" ] || complain "lspci shows no 64-bit prefetchable BAR$1: $line" || return
	[ $((0x$base ? 0x$base % $2 : 1)) -eq 0 ] ||
		complain "BAR$1 is at 0x$base, which is no multiple of its size $2"
}

# Little-endian bytes, two or four to a register: what setpci shows of each width.
joined() {
	# shellcheck disable=SC2046 # a list of bytes
	set -- $(said read.b)
	case $WIDTH in
	w) while [ $# -ge 2 ]; do printf '%s ' "$2$1"; shift 2; done ;;
	l) while [ $# -ge 4 ]; do printf '%s ' "$4$3$2$1"; shift 4; done ;;
	esac
}

# Bytes 0x18 to 0x27 of the dump.
dumped() {
	said dump | awk '/^10: / { for (i = 10; i <= 17; i++) printf "%s ", $i }
		/^20: / { for (i = 2; i <= 9; i++) printf "%s ", $i }'
}

# mask SIZE: what the register pair of a 64-bit prefetchable BAR reads after sizing.
mask() {
	local value=$((-$1))

	printf '%08x %08x ' $(((value & 0xffffffff) | 0xc)) $(((value >> 32) & 0xffffffff))
}

LAYOUT=$("${NVGPU_BIN:-/lab/bin}/gpu-layout" --plain "$NVGPU_BDF") || exit
BAR2=$(sed -n 's/^bar2.size=//p' <<<"$LAYOUT")
BAR4=$(sed -n 's/^bar4.size=//p' <<<"$LAYOUT")
INITRD=$(mktemp)
LOG=$(mktemp)
HOST=$(mktemp)
trap 'rm -f "$INITRD" "$LOG" "$HOST"' EXIT
guest_or_skip
guest_initrd "$INITRD" "$HERE/lib/acpi-init" lspci setpci || exit
acpi_guest "$INITRD"
status=0
guest_run >"$LOG" || status=$?
sed 's/^/# /' "$LOG"
lspci -vv -s "$NVGPU_BDF" | tee "$HOST" | sed 's/^/# host: /'
tap_plan 18
check_is "status of QEMU" "$status" 0
check_is "the guest came to its end" "$(said end)" "$GUEST_TOKEN"
check_is "it booted with ACPI" "$(said acpi)" /sys/firmware/acpi/tables/SRAT
check_is "NUMA nodes" "$(said nodes)" "0-$GUEST_NODES"
check_is "nodes with a generic initiator" "$(said initiators)" "1-$GUEST_NODES"
check_is "nodes with memory" "$(said memory)" 0
check "BAR2 is assigned" assigned 2 "$BAR2"
check "BAR4 is assigned" assigned 4 "$BAR4"
check_is "sizes of BAR0" "$(said lspci | sizes 0)" "$(sizes 0 <"$HOST")"
check_is "sizes of BAR2" "$(said lspci | sizes 2)" "$(all_sizes "$(abbreviated "$BAR2")")"
check_is "sizes of BAR4" "$(said lspci | sizes 4)" "$(all_sizes "$(abbreviated "$BAR4")")"
check_is "lengths of capabilities" "$(said lspci | lengths)" "$(lengths <"$HOST")"
check_is "lspci -xxxx shows what setpci reads" "$(dumped)" "$(said read.b)"
for WIDTH in w l; do
	check_is "setpci reads the same by $WIDTH as by byte" "$(said "read.$WIDTH")" "$(joined)"
done
for WIDTH in b w l; do
	[ "$(said "sized.$WIDTH")" = "$(mask "$BAR2")$(mask "$BAR4")" ] || SIZED+=" $WIDTH: $(said "sized.$WIDTH")"
done
check_is "setpci sizes by byte, word and long" "${SIZED:-}" ""
check_is "setpci puts back what was there" "$(said restored)" "$(said read.l)"
check "the GPU survived" test -e "$PCI_ROOT/devices/$NVGPU_BDF/config"
tap_end
