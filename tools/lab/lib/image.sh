# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Images for the emulated host: the initramfs of a kernel and the payload, which
# is everything that comes from the checkout.

# Modules that must be loaded before the system image can be mounted.
LAB_BOOT_MODULES="virtio_pci virtio_blk virtio_console erofs overlay"

# module_order MODULES RELEASE NAME...: files to load for these modules, in order.
module_order() {
	local tree release=$2

	tree=$(inside "$1")
	shift 2
	in_tools modprobe -d "$tree" -S "$release" -a --show-depends "$@" |
		awk -v tree="$tree" '$1 == "insmod" && !seen[$2]++ { sub("^" tree, "", $2); print $2 }'
}

# Prints a cpio archive of a directory, as the kernel wants it.
make_cpio() {
	(cd "$1" && find . -mindepth 1 | sort) | in_tools_at "$1" cpio --quiet -o -H newc
}

make_initramfs() {
	local kernel work=$2/initramfs release file

	kernel=$(kernel_dir "$1")
	release=$(cat "$kernel/release")
	rm -rf "$work"
	mkdir -p "$work/bin" "$work/modules"
	cp "$(root_dir "$(kernel_arch "$1")")/busybox" "$work/bin/busybox"
	ln -s busybox "$work/bin/sh"
	cp "$LAB_DIR/host/initramfs" "$work/init"
	: >"$work/modules/order"
	# shellcheck disable=SC2086 # a list of names
	for file in $(module_order "$kernel/modules" "$release" $LAB_BOOT_MODULES); do
		cp "$kernel/modules/$file" "$work/modules/"
		basename "$file" >>"$work/modules/order"
	done
	make_cpio "$work" >"$2/initramfs.cpio"
}

# make_erofs IMAGE DIRECTORY: an image of whole pages, also where these have 64K: what
# is on the incomplete last page of a disk cannot be read there.
make_erofs() {
	in_tools mkfs.erofs --quiet "$(inside "$1")" "$(inside "$2")"
	truncate --size=%64K "$1"
}

# What the payload is made of, as a hash: most runs need no new one.
payload_state() {
	{
		declare -f make_payload make_erofs
		cat "$1/mirror"
		find "$1/out" -type f -printf '%P %s %T@\n' | sort
	} | sha256sum
}

# The kernel of the inner guest is the host's, but none that checks itself: emulated
# in an emulated host it would be up after the tests have lost patience. For debug-64k it is
# newest-64k.
guest_kernel() {
	if is_debug "$1"; then
		printf '%s\n' "${1/debug/$(default_kernel)}"
	else
		printf '%s\n' "$1"
	fi
}

# make_payload KERNEL BUILD: modules of the distribution and ours, test programs,
# our tools, the inner guest.
make_payload() {
	local kernel build=$2 payload=$2/payload release

	[ "$(payload_state "$build")" != "$(cat "$build/payload.state" 2>/dev/null)" ] || return 0
	kernel=$(kernel_dir "$1")
	release=$(cat "$kernel/release")
	rm -rf "$payload" "$build/payload.state"
	mkdir -p "$payload/lab/modules" "$payload/lab/bin" "$payload/lab/guest" "$payload/usr/lib"
	cp -al "$kernel/modules/usr/lib/modules" "$payload/usr/lib/"
	rm -f "$payload/usr/lib/modules/$release"/modules.{alias,dep,devname,softdep,symbols,weakdep}*
	ln -s usr/lib "$payload/lib"
	mkdir -p "$payload/usr/lib/modules/$release/updates"
	find "$build/out/modules" -name '*.ko' \
		-exec cp -t "$payload/lab/modules" {} + \
		-exec cp -t "$payload/usr/lib/modules/$release/updates" {} +
	in_tools depmod -b "$(inside "$payload")" "$release"
	rm "$payload/lib"
	cp -a "$build/out/bin/." "$payload/lab/bin/"
	cp -a "$build/src/tools" "$payload/lab/tools"
	cp "$(kernel_dir "$(guest_kernel "$1")")/Image" "$payload/lab/guest/"
	[ ! -e "$build/out/guest" ] || cp "$build/out/guest/"* "$payload/lab/guest/"
	make_erofs "$build/payload.erofs.new" "$payload"
	mv "$build/payload.erofs.new" "$build/payload.erofs"
	rm -rf "$payload"
	payload_state "$build" >"$build/payload.state"
}
