# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Is the cache at a place where the lab can work? Asked before anything is made, since
# half an hour later nobody knows what a failed write is about.

place_wrong() {
	die "$LAB_CACHE $*: set NVGPU_LAB_CACHE to another place"
}

# Makes the cache.
require_writable_place() {
	mkdir -p "$LAB_CACHE" 2>/dev/null || place_wrong "cannot be made"
	(: >>"$LAB_CACHE/lock") 2>/dev/null || place_wrong "cannot be written to"
}

# Where device files cannot be made at all, mmdebstrap knows what to do.
require_device_files() {
	local device=$LAB_CACHE/device

	rm -f "$device"
	mknod "$device" c 1 3 2>/dev/null || return 0
	if ! (: >"$device") 2>/dev/null; then
		rm -f "$device"
		place_wrong "is on a file system without device files (nodev)"
	fi
	rm -f "$device"
}

# product_space PRODUCT: MiB of disk that making it takes, more than it keeps.
product_space() {
	case $1 in
	tools)
		echo 1300
		;;
	packaging)
		echo 900
		;;
	tree-*)
		echo 2000
		;;
	*)
		if is_built_product "$1"; then
			echo 2000
		else
			echo 300
		fi
		;;
	esac
}

# require_space PRODUCT...: enough of it to make them all.
require_space() {
	local product need=0 free

	for product in "$@"; do
		need=$((need + $(product_space "$product")))
	done
	free=$(df --output=avail -m "$LAB_CACHE" | tail -n 1)
	[ "$free" -ge "$need" ] ||
		place_wrong "has ${free// /} MiB of disk left, and what is missing takes about $need"
}
