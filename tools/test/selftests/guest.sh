#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A QEMU guest sizes the BARs itself and uses all of the memory: tools/lab/guest.

set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"
# shellcheck source=lib/guest.sh
. "$HERE/lib/guest.sh"

LOG=$(mktemp)
trap 'rm -f "$LOG"' EXIT
guest_or_skip
guest_prepare "$NVGPU_BDF" || exit
status=0
guest_run >"$LOG" || status=$?
sed 's/^/# /' "$LOG"
tap_plan $(($(grep -cE '^(PASS|FAIL|SKIP) ' "$LOG") + 2))
report_guest_lines "$LOG"
check_is "status of QEMU" "$status" 0
check "verdict of the guest" guest_passed "$LOG"
tap_end
