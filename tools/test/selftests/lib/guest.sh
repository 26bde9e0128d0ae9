# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The inner guest of tools/lab/guest, for the tests and the demo. Needs lib/gpu.sh.

GUEST_FILES=/lab/guest
GUEST_FIRMWARE=/usr/share/qemu-efi-aarch64/QEMU_EFI.fd
GUEST_NODES=8	# of each GPU, as many as MIG instances can be
GUEST_SECONDS=900	# that it may take

# For a test: ends it where there is no inner guest. Needs lib/tap.sh.
guest_or_skip() {
	[ "$(uname -m)" = aarch64 ] || tap_skip_all "the inner guest is an arm64 program"
}

# copy_program TREE PROGRAM: with the libraries that it needs.
copy_program() {
	local library

	cp "$(type -P "$2")" "$1/bin/" || return
	ldd "$(type -P "$2")" | grep -o '/[^ ]*' | while read -r library; do
		mkdir -p "$1${library%/*}"
		cp -L "$library" "$1$library"
	done
}

# guest_initrd FILE INIT [PROGRAM...]: busybox, these programs and PID 1.
guest_initrd() {
	local file=$1 init=$2 tree name

	shift 2
	tree=$(mktemp -d)
	mkdir -p "$tree"/{bin,dev,proc,sys}
	cp "$(type -P busybox)" "$tree/bin/busybox" || return
	for name in sh cat dmesg ls mount poweroff printf sed tr; do
		ln -s busybox "$tree/bin/$name"
	done
	for name in "$@"; do
		copy_program "$tree" "$name" || return
	done
	cp "$init" "$tree/init"
	(cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null) >"$file"
	rm -rf "$tree"
}

# Memory behind a BAR in bytes, from region info: guest_memory LAYOUT BAR
guest_memory() {
	sed -n "s/^bar$2.memory=//p" <<<"$1"
}

# guest_prepare BDF: fills GUEST_COMMAND and GUEST_TOKEN. The guest is told how much
# memory is real, and which BAR this host's KVM can only map as Device memory.
guest_prepare() {
	local layout bar4 bar2 device

	layout=$("${NVGPU_BIN:-/lab/bin}/gpu-layout" --plain "$1") || return
	bar4=$(guest_memory "$layout" 4)
	bar2=$(guest_memory "$layout" 2)
	[ "${bar4:-0}" -gt 0 ] || complain "region info shows no memory behind BAR4" || return
	device=$("${NVGPU_BIN:-/lab/bin}/kvm-cap") || return
	[ "$device" = "cacheable-pfnmap: 0" ] && device=" nvgpu.device=4" || device=
	GUEST_TOKEN=$(od -An -N6 -tx8 /dev/urandom | tr -d ' ')
	GUEST_COMMAND=(qemu-system-aarch64
		-M "virt,gic-version=3" -accel kvm -cpu host -m 256M
		-nodefaults -display none -serial stdio -no-reboot
		-kernel "$GUEST_FILES/Image" -initrd "$GUEST_FILES/initrd"
		-append "console=ttyAMA0 quiet panic=-1 nvgpu.bar4=$bar4 nvgpu.bar2=$bar2$device nvgpu.token=$GUEST_TOKEN"
		-device "vfio-pci,host=$1")
}

# guest_node_options DEVICE FIRST: as QEMU's documentation of acpi-generic-initiator has it,
# nodes without memory, and an object for each that names the device.
guest_node_options() {
	local node

	for ((node = $2; node < $2 + GUEST_NODES; node++)); do
		echo "-numa node,nodeid=$node -object acpi-generic-initiator,id=gi$node,pci-dev=$1,node=$node"
	done
}

# guest_prepare_numa INITRD BDF...: fills GUEST_COMMAND and GUEST_TOKEN for a guest with ACPI
# whose memory each GPU's own driver makes a NUMA node of. GUEST_MEMORY is what the GPUs'
# registers would tell of their memory, GUEST_GPU further properties of the last GPU's device.
guest_prepare_numa() {
	local initrd=$1 first=1 id gpus=()

	shift
	for bdf; do
		id=gpu$first
		# shellcheck disable=SC2207 # a list of options
		gpus+=(-device "pcie-root-port,id=port$first,chassis=$first,slot=$first"
			-device "vfio-pci,host=$bdf,id=$id,bus=port$first${GUEST_GPU:-}"
			$(guest_node_options "${GUEST_INITIATOR:-$id}" "$first"))
		first=$((first + GUEST_NODES))
	done
	GUEST_TOKEN=$(od -An -N6 -tx8 /dev/urandom | tr -d ' ')
	GUEST_COMMAND=(qemu-system-aarch64 -M "virt,gic-version=3" -accel kvm -cpu host -smp 2
		-m 512M -object "memory-backend-ram,id=mem0,size=512M" -numa "node,nodeid=0,memdev=mem0"
		-bios "$GUEST_FIRMWARE" -nodefaults -display none -serial stdio -no-reboot
		-kernel "$GUEST_FILES/Image" -initrd "$initrd"
		-append "console=ttyAMA0 loglevel=2 panic=-1 memhp_default_state=online_movable nvgpu.memory=$GUEST_MEMORY${GUEST_APPEND:-} nvgpu.token=$GUEST_TOKEN"
		"${gpus[@]}" "${GUEST_DEVICES[@]}")
}

# guest_numa_initrd FILE: the guest's, and the module that hot-adds memory.
guest_numa_initrd() {
	local tree

	tree=$(mktemp -d)
	cp "$GUEST_FILES/nvgpu-hot-ram.ko" "$tree/" &&
		(cat "$GUEST_FILES/initrd" && cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null) >"$1"
	rm -rf "$tree"
}

# Prints the guest's console, without what a firmware does to screens; the status is QEMU's,
# 124 if it took too long.
guest_run() {
	timeout --kill-after=5 "$GUEST_SECONDS" "${GUEST_COMMAND[@]}" </dev/null 2>&1 | sed -u 's/\r//g; s/\x1b\[[0-9;=]*[A-Za-z]//g'
	return "${PIPESTATUS[0]}"
}

# guest_passed LOG: the guest came to its end, and nothing failed on the way.
guest_passed() {
	! grep -q 'kvm run failed' "$1" ||
		complain "KVM gave up on an access after \"$(grep '^PASS ' "$1" | tail -n 1)\": is stage 2 Device memory?" || return
	grep -qx "guest-verdict $GUEST_TOKEN PASS" "$1" || complain "the guest gave no verdict, or a bad one" || return
	grep -q '^PASS ' "$1" || complain "the guest passed nothing" || return
	! grep '^FAIL ' "$1" >&2
}

# report_guest_lines LOG: a result for each line that the guest printed. Needs lib/tap.sh.
report_guest_lines() {
	local word text

	while read -r word text; do
		case $word in
		PASS) pass "$text" ;;
		FAIL) fail "in the guest" "$text" ;;
		SKIP) skip "${text%%: skipped *}" "${text##*: skipped }" ;;
		esac
	done <"$1"
}
