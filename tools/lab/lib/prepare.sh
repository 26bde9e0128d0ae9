# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What is downloaded once: the toolchain chroot, the emulated host's system, its
# kernels, the kernel source. Each product has a stamp with the hash of its
# recipe; the stamp is written last, so whatever was interrupted is made again.

recipe_hash() {
	local functions=$1

	shift
	# shellcheck disable=SC2086 # a list of names
	{ declare -f $functions; cat -- "$@"; } | sha256sum | cut -d' ' -f1
}

product_hash() {
	case $1 in
	tools)
		recipe_hash "bootstrap apt_options tools_apt_config make_tools" "$LAB_DIR/packages/tools"
		;;
	root)
		recipe_hash "bootstrap make_root_tree make_root_image" "$LAB_DIR/packages/root"
		;;
	kernel-*)
		recipe_hash "make_kernel kernel_packages kernel_modules" \
			"$LAB_DIR/packages/modules" - < <(grep "^${1#kernel-}[[:space:]]" "$LAB_DIR/kernels")
		;;
	source)
		recipe_hash "make_source" "$LAB_DIR/packages/source"
		;;
	esac
}

product_ready() {
	[ "$(cat "$LAB_STATE/stamps/$1" 2>/dev/null)" = "$(product_hash "$1")" ]
}

product_done() {
	mkdir -p "$LAB_STATE/stamps"
	product_hash "$1" >"$LAB_STATE/stamps/$1"
}

make_tools() {
	local new=$LAB_CACHE/tools.new old=$LAB_CACHE/tools.old

	rm -rf "$new" "$old"
	bootstrap apt amd64,arm64 tools "$new"
	: >"$new/dev/null" ||
		die "$LAB_CACHE is on a file system without device files (nodev): set NVGPU_LAB_CACHE to another place"
	tools_apt_config "$new"
	mkdir -p "$new/lab/stamps"
	if [ -d "$LAB_STATE/runs" ]; then
		mv "$LAB_STATE/runs" "$new/lab/runs"
	fi
	if [ -d "$LAB_TOOLS" ]; then
		mv "$LAB_TOOLS" "$old"
	fi
	mv "$new" "$LAB_TOOLS"
	product_done tools
	rm -rf "$old"
}

# Nothing is configured in the tree: maintainer scripts would need an arm64
# processor. What they would have written and the host needs is written here.
make_root_tree() {
	local new=$LAB_CACHE/root.new

	rm -rf "$new" "$LAB_CACHE/root"
	bootstrap extract arm64 root "$new"
	cp "$new/usr/share/base-passwd/passwd.master" "$new/etc/passwd"
	cp "$new/usr/share/base-passwd/group.master" "$new/etc/group"
	ln -sf dash "$new/usr/bin/sh"
	ln -sf gawk "$new/usr/bin/awk"
	mkdir -p "$new/lab"
	rm -rf "$new/var/lib/apt/lists" "$new/var/cache/apt"
	rm -rf "$new/usr/share/doc" "$new/usr/share/man" "$new/usr/share/locale"
	mv "$new" "$LAB_CACHE/root"
}

make_root_image() {
	local new=$LAB_STATE/root.new

	rm -rf "$new"
	mkdir -p "$new"
	mv "$LAB_CACHE/root" "$new/tree"
	cp "$new/tree/usr/bin/busybox" "$new/busybox"
	in_tools mkfs.erofs --quiet "$(inside "$new/root.erofs")" "$(inside "$new/tree")"
	rm -rf "$new/tree" "$LAB_STATE/root"
	mv "$new" "$LAB_STATE/root"
	product_done root
}

install_host_packages() {
	local missing=() package

	while read -r package; do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null |
			grep -q ' installed$' || missing+=("$package")
	done < <(list_entries host)
	[ ${#missing[@]} -gt 0 ] || return 0
	say "this machine lacks ${missing[*]}: running apt-get install"
	apt-cache policy mmdebstrap | grep -q 'Candidate: [^(]' || apt-get -q update
	DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install "${missing[@]}"
}

prepare_wanted() {
	local product kernel

	for product in tools root source; do
		product_ready "$product" || printf '%s\n' "$product"
	done
	for kernel in $(kernel_names); do
		product_ready "kernel-$kernel" || printf '%s\n' "kernel-$kernel"
	done
}

start_product() {
	case $1 in
	root)
		step_start root-image "image of the emulated host" make_root_image
		;;
	kernel-*)
		step_start "$1" "kernel '${1#kernel-}' with modules and headers" make_kernel "${1#kernel-}"
		;;
	source)
		step_start source "kernel source: nvgrace-gpu, checkpatch, selftests" make_source
		;;
	esac
}

make_products() {
	local wanted=$1 count product

	count=$(printf '%s\n' "$wanted" | wc -l)
	case $wanted in
	*root*)
		count=$((count + 1))
		;;
	esac
	steps_begin "$count"
	for product in $wanted; do
		case $product in
		tools)
			step_start tools "toolchain (amd64 chroot with compilers, checkers, QEMU)" make_tools
			;;
		root)
			step_start root "system of the emulated host (arm64)" make_root_tree
			;;
		esac
	done
	steps_wait
	for product in $wanted; do
		start_product "$product"
	done
	steps_wait
}

# Makes what is missing or out of date. Everybody who uses the chroot holds the
# lock shared, so it is not replaced under a running build or boot.
prepare() {
	local wanted

	[ "$(id -u)" -eq 0 ] || die "must run as root: it makes a chroot and installs packages"
	mkdir -p "$LAB_CACHE"
	exec {LAB_LOCK}>"$LAB_CACHE/lock"
	flock --shared "$LAB_LOCK"
	[ -n "$(prepare_wanted)" ] || return 0
	flock --unlock "$LAB_LOCK"
	if ! flock --exclusive --nonblock "$LAB_LOCK"; then
		say "waiting for another lab that uses $LAB_CACHE"
		flock --exclusive "$LAB_LOCK"
	fi
	wanted=$(prepare_wanted)
	case $wanted in
	*tools*)
		# Everything else lives inside the chroot.
		wanted=$(printf '%s\n' tools root source; kernel_names | sed 's/^/kernel-/')
		;;
	esac
	if [ -n "$wanted" ]; then
		say "preparing $LAB_CACHE from Debian packages (once, about 1.5 GB of disk)"
		install_host_packages
		make_products "$wanted"
	fi
	flock --shared "$LAB_LOCK"
}
