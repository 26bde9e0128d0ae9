# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What is downloaded once: the toolchain chroot, the emulated host's system, its
# kernels, the kernel source. Each is a directory named after the hash of its
# recipe and renamed into place when it is complete: what was interrupted is made
# again, and checkouts whose recipes differ share a cache in peace.

# Versions of a product that stay when a new one is made.
LAB_KEEP=2

# recipe_hash FUNCTIONS FILE...: of the text that decides what a product contains.
recipe_hash() {
	local functions=$1

	shift
	# shellcheck disable=SC2086 # a list of names
	{ declare -f $functions; cat -- "$@"; } | sha256sum | cut -c1-12
}

lab_paths() {
	LAB_TOOLS=$LAB_CACHE/tools-$(recipe_hash "bootstrap apt_options tools_apt_config make_tools" \
		"$LAB_DIR/packages/tools")
	LAB_STATE=$LAB_TOOLS/lab
	LAB_ROOT=$LAB_STATE/root-$(recipe_hash "bootstrap make_root" "$LAB_DIR/packages/root")
	LAB_LINUX=$LAB_STATE/source-$(recipe_hash make_source "$LAB_DIR/packages/source")
	LAB_KERNEL_RECIPE=$(recipe_hash "make_kernel kernel_packages kernel_modules" \
		"$LAB_DIR/packages/modules" "$LAB_DIR/kernels")
}

kernel_dir() {
	printf '%s/kernel-%s-%s' "$LAB_STATE" "$1" "$LAB_KERNEL_RECIPE"
}

kernel_release() {
	cat "$(kernel_dir "$1")/release"
}

make_tools() {
	local new=$LAB_TOOLS.new

	rm -rf "$new"
	bootstrap apt amd64,arm64 tools "$new"
	: >"$new/dev/null" ||
		die "$LAB_CACHE is on a file system without device files (nodev): set NVGPU_LAB_CACHE to another place"
	tools_apt_config "$new"
	mkdir -p "$new/lab/runs" "$new/lab/build"
	mv "$new" "$LAB_TOOLS"
	ln -sfn "${LAB_TOOLS##*/}" "$LAB_CACHE/tools"
}

# Nothing is configured in the tree: maintainer scripts would need an arm64
# processor. What they would have written and the host needs is written here.
make_root() {
	local new=$LAB_ROOT.new tree=$LAB_ROOT.new/tree

	rm -rf "$new"
	mkdir -p "$new"
	bootstrap extract arm64 root "$tree"
	cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
	cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
	ln -sf dash "$tree/usr/bin/sh"
	ln -sf gawk "$tree/usr/bin/awk"
	mkdir -p "$tree/lab"
	rm -rf "$tree/var/lib/apt/lists" "$tree/var/cache/apt"
	rm -rf "$tree/usr/share/doc" "$tree/usr/share/man" "$tree/usr/share/locale"
	cp "$tree/usr/bin/busybox" "$new/busybox"
	in_tools mkfs.erofs --quiet "$(inside "$new/root.erofs")" "$(inside "$tree")"
	rm -rf "$tree"
	mv "$new" "$LAB_ROOT"
}

host_packages_missing() {
	local package

	while read -r package; do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null |
			grep -q ' installed$' || printf '%s\n' "$package"
	done < <(list_entries host)
}

install_host_packages() {
	apt-cache policy mmdebstrap | grep -q 'Candidate: [^(]' || apt-get -q update
	DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install "$@"
}

# Installs on this machine what is missing; the only thing the lab changes on it.
prepare_host() {
	local missing

	mapfile -t missing < <(host_packages_missing)
	[ ${#missing[@]} -gt 0 ] || return 0
	steps_begin 1
	step_start host "on this machine: apt-get install ${missing[*]}" \
		install_host_packages "${missing[@]}"
	steps_wait
}

# Names of the products that are not there.
products_wanted() {
	local kernel

	[ -d "$LAB_TOOLS" ] || echo tools
	[ -d "$LAB_ROOT" ] || echo root
	[ -d "$LAB_LINUX" ] || echo source
	for kernel in $(kernel_names); do
		[ -d "$(kernel_dir "$kernel")" ] || echo "$kernel"
	done
}

start_product() {
	case $1 in
	tools)
		;;
	root)
		step_start root "system of the emulated host (arm64)" make_root
		;;
	source)
		step_start source "kernel source: nvgrace-gpu, checkpatch, selftests" make_source
		;;
	*)
		step_start "kernel-$1" "kernel '$1' with modules and headers" make_kernel "$1"
		;;
	esac
}

# The chroot comes first, everything else lives in it.
make_products() {
	local product

	steps_begin $#
	if [ "$1" = tools ]; then
		step_start tools "toolchain (amd64 chroot with compilers, checkers, QEMU)" make_tools
		steps_wait
	fi
	for product in "$@"; do
		start_product "$product"
	done
	steps_wait
}

# Removes all but the newest versions of each product, unless somebody is at work.
prune_products() {
	local kind

	flock --exclusive --nonblock "$LAB_LOCK" || return 0
	for kind in "$LAB_CACHE/tools-" "$LAB_STATE/root-" "$LAB_STATE/source-" \
		"$LAB_STATE/kernel-newest-" "$LAB_STATE/kernel-stable-"; do
		find "${kind%/*}" -mindepth 1 -maxdepth 1 -name "${kind##*/}*" -printf '%T@ %p\n' |
			sort -rn | sed -e "1,${LAB_KEEP}d" -e 's/^[^ ]* //' | xargs -r -d '\n' rm -rf
	done
}

# Makes what is missing. Everybody who uses the cache holds its lock shared, so that
# nothing is removed under a build or a boot; one at a time makes products.
prepare() {
	local wanted making

	[ "$(id -u)" -eq 0 ] || die "must run as root: it makes a chroot and installs packages"
	[ -e /proc/self/fd ] || die "/proc is not mounted; run: mount -t proc proc /proc"
	mkdir -p "$LAB_CACHE"
	exec {LAB_LOCK}>"$LAB_CACHE/lock"
	flock --shared "$LAB_LOCK"
	[ -n "$(products_wanted)" ] || return 0
	exec {making}>"$LAB_CACHE/lock.prepare"
	if ! flock --nonblock "$making"; then
		say "waiting for another lab that prepares $LAB_CACHE"
		flock "$making"
	fi
	mapfile -t wanted < <(products_wanted)
	if [ ${#wanted[@]} -gt 0 ]; then
		say "preparing $LAB_CACHE from Debian packages (about 2 GB of disk)"
		prepare_host
		make_products "${wanted[@]}"
		prune_products
		flock --shared "$LAB_LOCK"
	fi
	exec {making}>&-
}
