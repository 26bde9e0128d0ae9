#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest whose RAM is extended GPU memory, with a GPU of the socket, whose memory it uses as
# guest_numa.sh does. The next owner of the EGM reads zeros.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
BIN=${NVGPU_BIN:-/lab/bin}
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"
# shellcheck source=lib/guest.sh
. "$HERE/lib/guest.sh"

NODE=/dev/egm4
RAM=memory-backend-ram,id=mem0,size=512M
PAGE=$(getconf PAGESIZE)
GUEST_DEVICES=()

# QEMU aligns a mapping as it is told, not as the driver would.
egm_backend() {
	printf 'memory-backend-file,id=mem0,mem-path=%s,size=512M,share=on,prealloc=on,align=%d' \
		$NODE $((PAGE * PAGE / 8))
}

is_owned() {
	! { : <>$NODE; } 2>/dev/null || complain "$NODE can be opened while a guest uses it"
}

# The GPU reaches the RAM of the guest, which is at the beginning of the region.
gpu_reaches_it() {
	local base

	printf -v base '0x%016x' $((0x$(sed -n 's/^ *\([0-9a-f]*\)-.* : egm4$/\1/p' /proc/iomem)))
	grep -aq " $base " "$NVGPU_SIM/dma_map" ||
		complain "no DMA mapping of $base: $(tr '\n' ';' <"$NVGPU_SIM/dma_map")"
}

# Every test but this one needs more of the region.
reads_zeros() {
	"$BIN/egm" -t starts_as_zeros
}

WORK=$(mktemp -d)
LOG=$WORK/log
: >"$LOG"
trap 'rm -rf "$WORK"' EXIT
guest_or_skip
[ "$("$BIN/kvm-cap")" = "cacheable-pfnmap: 1" ] ||
	tap_skip_all "KVM of this kernel maps the memory as Device memory"
[ "$(<"$GUEST_FILES/release")" = "$(uname -r)" ] ||
	tap_skip_all "the guest runs another kernel, for which there is no nvgpu-hot-ram"
modprobe nvgpu-egm || exit
GUEST_MEMORY=$(<"$NVGPU_SIM/memory_size")
guest_numa_initrd "$WORK/initrd" || exit
guest_prepare_numa "$WORK/initrd" "$NVGPU_BDF"
GUEST_COMMAND=("${GUEST_COMMAND[@]/#$RAM/$(egm_backend)}")

guest_run >"$LOG" &
while ! grep -q '^guest is up' "$LOG" && kill -0 $! 2>/dev/null; do
	sleep 0.2
done
OWNED=$(is_owned 2>&1)
REACHED=$(gpu_reaches_it 2>&1)
status=0
wait $! || status=$?
sed 's/^/# /' "$LOG"
tap_plan $(($(grep -cE '^(PASS|FAIL|SKIP) ' "$LOG") + 5))
report_guest_lines "$LOG"
check_is "status of QEMU" "$status" 0
check "verdict of the guest" guest_passed "$LOG"
check_is "the guest owned the EGM" "$OWNED" ""
check_is "the GPU reached it" "$REACHED" ""
check "the next owner reads zeros" reads_zeros
tap_end
