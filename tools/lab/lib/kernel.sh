# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Distribution kernels and their source, unpacked but never installed: their
# maintainer scripts would make initramfs images for nobody.

LAB_KERNEL_PARTS='^linux-(image|modules|binary|base|headers|kbuild)-[0-9]'

# The line of the table that a kernel is made from.
kernel_recipe() {
	kernel_arch "$1"
	kernel_suite "$1"
	kernel_parts "$1"
}

# Of the kernel, or of its headers where nothing else was prepared.
kernel_release() {
	cat "$(kernel_dir "$1")/release" 2>/dev/null || cat "$(product_dir "headers-$1")/release"
}

# What the end of each run on a kernel has to check, see host/checks.sh.
kernel_checks() {
	cat "$(kernel_dir "$1")/checks" 2>/dev/null || true
}

# A kernel that we configure ends at its first complaint; those of a distribution may
# complain about what is not ours, and their logs are judged.
kernel_cmdline() {
	! is_debug "$1" || printf ' panic_on_warn=1'
}

# Where modules for a kernel are built, as the chroot sees it.
kernel_build_dir() {
	if is_built "$1"; then
		printf '%s/build' "$(inside "$(kernel_dir "$1")")"
	else
		printf '/usr/lib/modules/%s/build' "$(kernel_release "$1")"
	fi
}

# kernel_packages NAME PATTERN: prints the versioned packages behind those meta packages
# of a kernel that match, with their architecture. Only kbuild and the common headers are
# for the builder.
kernel_packages() {
	local suite arch todo next found package seen=" "

	suite=$(kernel_suite "$1")
	arch=$(kernel_arch "$1")
	todo=$(kernel_parts "$1" | grep -E "$2" | sed "s/\$/:$arch/" | xargs)
	while [ -n "$todo" ]; do
		next=
		for package in $todo; do
			case $package in
			*-unsigned* | *-dbg* | linux-base | linux-base:*)
				continue
				;;
			linux-kbuild-* | *-common)
				package=${package%%:*}
				;;
			*)
				package=${package%%:*}:$arch
				;;
			esac
			[ "${seen#* "$package" }" = "$seen" ] || continue
			seen="$seen$package "
			found=$(apt_depends "$package" "$suite" "$LAB_KERNEL_PARTS")
			next="$next $found"
		done
		todo=${next//[[:space:]]/ }
		todo=${todo# }
	done
	printf '%s\n' "$seen" | tr ' ' '\n' | grep -E "$LAB_KERNEL_PARTS"
}

unpack_deb() {
	dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"
}

# One at a time: kernels of several page sizes or architectures share a package.
unpack_headers() {
	tools_locked exclusive unpack_deb "$1" "$LAB_TOOLS"
}

# modules_listed FILE: of the modules in the file, one a line, those of the list.
modules_listed() {
	awk 'NR == FNR { want["kernel/" $1] = 1; next }
		{
			path = $1
			while (path != "" && !(path in want) && sub(/(\.xz|\/[^\/]*)$/, "", path)) ;
			if (path in want)
				print $1
		}' <(list_entries modules) "$1"
}

# modules_named FILE: of the modules in the file, those whose names are in standard input.
modules_named() {
	awk 'function name(path) {
			sub(/.*\//, "", path)
			sub(/\.ko.*/, "", path)
			gsub(/-/, "_", path)
			return path
		}
		NR == FNR { want[name($1)] = 1; next }
		name($1) in want' - "$1"
}

# modules_needed DIRECTORY FILE: of the modules in the file, those of the list and all that
# they depend on. Asks only these: depmod would unpack each of thousands.
modules_needed() {
	local all=$2 more

	more=$(modules_listed "$all")
	while [ -n "$more" ]; do
		printf '%s\n' "$more"
		# shellcheck disable=SC2086 # a list of names
		more=$(in_tools_at "$1" modinfo -F depends $more | tr ',' '\n' | sort -u | modules_named "$all")
	done | awk '!seen[$0]++'
}

# kernel_modules TREE STAGE RELEASE: copies the wanted modules, uncompressed, and
# what they depend on.
kernel_modules() {
	local from=$1/usr/lib/modules/$3 to=$2/usr/lib/modules/$3

	mkdir -p "$to"
	ln -sfn usr/lib "$2/lib"
	cp "$from"/modules.builtin* "$from/modules.order" "$to/"
	(cd "$from" && find kernel -name '*.ko*' | sort) >"$2/all"
	modules_needed "$from" "$2/all" >"$2/list"
	(cd "$from" && xargs -a "$2/list" cp --parents -t "$to")
	find "$to" -name '*.ko.xz' -printf '/%P\n' | sed "s#^#$(inside "$to")#" >"$2/list"
	in_tools xargs -a "$(inside "$2/list")" -r xz -d
	rm "$2/list" "$2/all"
	in_tools depmod -b "$(inside "$2")" "$3"
}

# fetch_kernel NAME DIRECTORY PATTERN: downloads those packages of a kernel and unpacks
# them, headers into the toolchain, the rest into DIRECTORY/tree.
fetch_kernel() {
	local name=$1 new=$2 package LAB_APT_CONFIG=

	rm -rf "$new"
	mkdir -p "$new/debs" "$new/tree"
	if is_foreign "$name"; then
		apt_other_suite "$(kernel_suite "$name")" "$new/apt"
		LAB_APT_CONFIG=$new/apt/apt.conf
	fi
	kernel_packages "$name" "$3" >"$new/packages"
	cat "$new/packages"
	(cd "$new/debs" && tools_apt xargs -a "$new/packages" apt-get -q download)
	for package in "$new"/debs/*.deb; do
		case ${package##*/} in
		linux-headers-* | linux-kbuild-*)
			unpack_headers "$package"
			;;
		*)
			unpack_deb "$package" "$new/tree"
			;;
		esac
	done
	rm -rf "$new/debs" "$new/apt"
}

# What only builds for a kernel need: hundredths of its size.
make_headers() {
	local dir new

	dir=$(product_dir "headers-$1")
	new=$dir.new
	fetch_kernel "$1" "$new" '^linux-headers'
	sed -n 's/^linux-headers-\(.*\):.*/\1/p' "$new/packages" >"$new/release"
	mv "$new" "$dir"
}

# kernel_version NAME: of its headers in its suite.
kernel_version() {
	tools_apt apt-cache show "$(kernel_parts "$1" | grep '^linux-headers'):$(kernel_arch "$1")/$(kernel_suite "$1")" |
		awk '/^Version: / && !seen++ { print $2 }'
}

# Is the kernel newer than the default one? The last line of the output says why not.
kernel_is_ahead() {
	local new version newest

	new=$(product_dir "headers-$1").new
	retry apt_other_suite "$(kernel_suite "$1")" "$new/apt"
	version=$(LAB_APT_CONFIG=$new/apt/apt.conf kernel_version "$1")
	newest=$(kernel_version "$(default_kernel)")
	rm -rf "$new"
	dpkg --compare-versions "$version" gt "$newest" && return
	echo "$(kernel_suite "$1") has $version, which is not newer than $newest"
	return 1
}

# The packages of a suite that the toolchain does not use need not fit together today;
# what asks for them goes without.
make_headers_if_any() {
	if ! is_foreign "$1"; then
		retry make_headers "$1"
		return
	fi
	LAB_STATUS=0
	[ "$(kernel_made "$1")" != ahead ] || attempt kernel_is_ahead "$1"
	[ "$LAB_STATUS" -eq 0 ] || return 0
	attempt retry make_headers "$1"
	[ "$LAB_STATUS" -eq 0 ] || echo "the headers of kernel '$1' could not be had"
}

make_kernel() {
	local name=$1 dir new release

	dir=$(kernel_dir "$name")
	new=$dir.new
	fetch_kernel "$name" "$new" .
	mkdir "$new/modules"
	release=$(basename "$new"/tree/usr/lib/modules/*)
	printf '%s\n' "$release" >"$new/release"
	cp "$(find "$new/tree" -name 'vmlinuz*')" "$new/Image"
	kernel_modules "$new/tree" "$new/modules" "$release"
	rm -rf "$new/tree"
	mv "$new" "$dir"
}

# fetch_source SUITE DIRECTORY: the kernel's source package, a tar file inside a package.
# Leaves that file in DIRECTORY/usr/src.
fetch_source() {
	local package

	mkdir -p "$2/debs"
	package=$(apt_depends linux-source "$1" '^linux-source-[0-9]')
	(cd "$2/debs" && tools_apt apt-get -q download "$package/$1")
	unpack_deb "$(echo "$2"/debs/*.deb)" "$2"
	rm -rf "$2/debs"
}

# unpack_source DIRECTORY TREE [TAR OPTION...]: unpacks what fetch_source left, and
# removes it.
unpack_source() {
	local tarball tree=$2

	tarball=$(echo "$1"/usr/src/linux-source-*.tar.xz)
	shift 2
	mkdir -p "$tree"
	in_tools xz -dc -T0 "$(inside "$tarball")" | tar -x --strip-components=1 -C "$tree" "$@"
	rm "$tarball"
}

# The parts of the newest kernel's source that everybody needs.
make_source() {
	local new=$LAB_LINUX.new top

	rm -rf "$new"
	fetch_source "$LAB_SUITE-backports" "$new"
	top=$(basename "$new"/usr/src/linux-source-*.tar.xz .tar.xz)
	list_entries source | sed "s#^#$top/#" >"$new/wanted"
	unpack_source "$new" "$new/tree" --files-from="$new/wanted"
	mv "$new/tree" "$LAB_LINUX"
	rm -rf "$new"
}

# The whole source of a suite's kernel.
make_tree() {
	local dir new

	dir=$(tree_dir "$1")
	new=$dir.new
	rm -rf "$new"
	fetch_source "$1" "$new"
	unpack_source "$new" "$new/tree"
	mv "$new/tree" "$dir"
	rm -rf "$new"
}
