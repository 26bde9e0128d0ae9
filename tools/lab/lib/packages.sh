# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Packages: built in Debian 12, checked in the chroot, installed in bare systems of their own.

# The kernels for which the module must be built there: no emulation, so amd64.
DEB_KERNELS="newest-amd64 stable-amd64"

# in_packaging COMMAND...: with Debian 12 as the chroot, and a directory in it, $dir, that goes
# away in the end.
in_packaging() {
	local LAB_TOOLS dir

	LAB_TOOLS=$(product_dir packaging)
	dir=$(mktemp -d "$LAB_TOOLS/tmp/XXXXXX")
	attempt "$@"
	rm -rf "$dir"
	return "$LAB_STATUS"
}

# build_debs DIRECTORY VERSION [OPTION...]: into DIRECTORY/VERSION; both packages, or what
# the options of dpkg-buildpackage ask for. The chroot has no C++ compiler, which
# build-essential would ask for.
build_debs() {
	local tree=$dir/tree out=$1/$2 version=$2

	shift 2
	checkout_copy "$tree"
	cp -r "$tree/tools/packaging/debian" "$tree/"
	chmod +x "$tree/debian/rules"
	sed -i "1s/(.*)/($version)/" "$tree/debian/changelog"
	in_tools_at "$tree" dpkg-buildpackage --no-sign --no-check-builddeps "${@:---build=binary}"
	mkdir -p "$out"
	mv "$dir"/*.deb "$dir"/*.changes "$dir"/*.buildinfo "$out/"
}

check_lintian() {
	in_tools_at "$1" sh -c 'lintian --fail-on warning,error --suppress-tags bad-distribution-in-changes-file *.changes'
}

# The bare Debian: a copy for this run, with the machine's apt working on it.
make_bare() {
	rm -rf "$1"
	bootstrap apt amd64 bare "$1"
	LAB_TOOLS=$1 tools_apt_config "$1"
}

# Without the configuration apt would work on the machine itself. objtool of newer
# kernels, and so a module's build, wants /proc.
bare_apt() {
	[ -s "$LAB_BARE/etc/apt/lab.conf" ] || { echo "there is no bare Debian"; return 1; }
	# shellcheck disable=SC2016 # the inner shell expands them
	DEBIAN_FRONTEND=noninteractive LAB_TOOLS=$LAB_BARE tools_apt unshare --mount \
		--propagation "$(mount_propagation)" sh -c 'mount -t proc proc "$0/proc" && exec "$@"' "$LAB_BARE" \
		apt-get -qy --no-install-recommends -o APT::Sandbox::User=root \
		-o DPkg::Chroot-Directory="$LAB_BARE" "$@" </dev/null
}

# With /proc, without which dkms misses what it has built.
in_bare() {
	LAB_TOOLS=$LAB_BARE in_tools_with_proc / "$@"
}

# bare_install VERSION PACKAGE...: of the packages that were built.
bare_install() {
	local version=$1

	shift
	cp "$LAB_RUN/debs/$version"/*.deb "$LAB_BARE/tmp/"
	bare_apt install "${@/#/$LAB_BARE/tmp/}"
	rm "$LAB_BARE"/tmp/*.deb
}

# Names of all files but for those of dpkg, rpm and logs.
bare_files() {
	(cd "$LAB_BARE" && find . -path ./proc -prune -o -path ./var/lib/dpkg -prune -o -path ./var/lib/rpm -prune -o -path ./var/log -prune \
		-o -path ./var/cache -prune -o -path ./tmp -prune -o -print | sort)
}

bare_headers() {
	local kernel

	for kernel in $DEB_KERNELS; do
		kernel_packages "$kernel" '^linux-headers' | grep '^linux-headers-.*:amd64$' || return
	done
}

# The module of the given version for both kernels. By its file: for a kernel of which
# only the headers are installed, depmod makes no index.
check_modules() {
	local version=$1 file release found=0

	for file in "$LAB_BARE"/usr/lib/modules/*/updates/dkms/nvgpu-vfio-pci.ko*; do
		file=${file#"$LAB_BARE"}
		release=${file#/usr/lib/modules/}
		release=${release%%/*}
		in_bare modinfo -F vermagic "$file" | grep "^$release " || return
		in_bare modinfo -F alias "$file" | grep -qxF 'vfio_pci:v000010DEd00002342sv*sd*bc03sc02i*' || return
		found=$((found + 1))
	done
	[ "$found" -eq 2 ] || { echo "modules for $found kernels"; return 1; }
	in_bare dkms status | tee "$LAB_RUN/status"
	[ "$(grep -c "^nvgpu-vfio-pci/$version, .*: installed" "$LAB_RUN/status")" -eq 2 ] &&
		[ "$(wc -l <"$LAB_RUN/status")" -eq 2 ]
}

# What the package has, but for its directories and what every package has.
utils_files() {
	cat <<-END
		/usr/lib/python3/dist-packages/sos/report/plugins/nvgpu.py
		/usr/lib/systemd/system/nvgpu-bind.service
		/usr/lib/udev/rules.d/60-nvgpu.rules
		/usr/sbin/nvgpuctl
		/usr/share/bash-completion/completions/nvgpuctl
		/usr/share/man/man4/nvgpu-vfio-pci.4.gz
		/usr/share/man/man8/nvgpuctl.8.gz
		/usr/share/zsh/vendor-completions/_nvgpuctl
	END
}

# Each file is where its user looks for it: udev, sos and zsh are asked.
check_utils() {
	bare_install 0.1.0 "nvgpu-utils_0.1.0_amd64.deb"
	diff <(utils_files) <(dpkg-deb --fsys-tarfile "$LAB_RUN/debs/0.1.0/nvgpu-utils_0.1.0_amd64.deb" |
		tar -t | sed -e 's/^\.//' -e '/\/$/d' -e '/^\/usr\/share\/\(doc\|lintian\)\//d' | sort)
	[ -L "$LAB_BARE/etc/systemd/system/multi-user.target.wants/nvgpu-bind.service" ]
	in_bare nvgpuctl --version
	in_bare nvgpuctl doctor || [ $? -eq 77 ]
	in_bare udevadm verify --no-style /usr/lib/udev/rules.d/60-nvgpu.rules
	in_bare sos report --list-plugins | grep -E '^ nvgpu +NVIDIA'
	# shellcheck disable=SC2016 # zsh expands it
	in_bare zsh -fc 'autoload -U compinit && compinit -D && [ "$_comps[nvgpuctl]" = _nvgpuctl ]'
}

# Reads the dependencies of a package: are they in Ubuntu?
fits_ubuntu() {
	local name version there

	while read -r name _ version; do
		there=$(awk -v name="$name" '$1 == name { print $2 }' "$LAB_TOP/tools/packaging/ubuntu-24.04")
		if [ -z "$there" ] || dpkg --compare-versions "$there" lt "${version%)}"; then
			echo "wants $name ${version%)}, Ubuntu 24.04 has ${there:-none}"
			return 1
		fi
	done < <(tr ',' '\n')
}

# No dependency newer than Ubuntu's, no symbol newer than the glibc of Debian 12. That both
# Debian releases have the dependencies is seen where apt installs the packages.
check_fits() {
	local program=$LAB_RUN/nvgpuctl package newest

	dpkg-deb -f "$LAB_RUN/debs/0.1.0/nvgpu-vfio-pci-dkms_0.1.0_all.deb" Depends | fits_ubuntu
	for package in "$LAB_RUN"/debs/{,arm64/}0.1.0/nvgpu-utils_*.deb; do
		dpkg-deb -f "$package" Depends | fits_ubuntu
		dpkg-deb --fsys-tarfile "$package" | tar -xO ./usr/sbin/nvgpuctl >"$program"
		newest=$(in_tools readelf -VW "$(inside "$program")" | grep -oE 'GLIBC_[0-9.]+' | sort -V | tail -n 1)
		printf '%s\n' "$newest" GLIBC_2.36 | sort -VC || { echo "$package wants $newest"; return 1; }
	done
}

# For the kernel of Debian 12, 6.1, DKMS is to build nothing, which is no failure.
check_bookworm() {
	local LAB_SUITE=bookworm LAB_BARE=$LAB_RUN/bookworm

	retry make_bare "$LAB_BARE"
	retry bare_apt install dkms gcc make linux-headers-amd64
	bare_install 0.1.0 nvgpu-vfio-pci-dkms_0.1.0_all.deb nvgpu-utils_0.1.0_amd64.deb
	[ "$(in_bare dkms status)" = "nvgpu-vfio-pci/0.1.0: added" ]
	in_bare env LD_BIND_NOW=1 nvgpuctl --version
	in_bare nvgpuctl doctor || [ $? -eq 77 ]
	rm -rf "$LAB_BARE"
}

# The package for Grace itself, from the cross compiler.
check_arm64() {
	local package=$LAB_RUN/debs/arm64/0.1.0/nvgpu-utils_0.1.0_arm64.deb
	local files=$LAB_RUN/arm64 libraries=usr/lib/aarch64-linux-gnu

	mkdir -p "$files/$libraries"
	unpack_deb "$package" "$files"
	cp "$LAB_TOOLS/$libraries"/libjson-c.so.5 "$LAB_TOOLS/$libraries"/libsmartcols.so.1 "$files/$libraries/"
	deb_boot "$(default_kernel)" "$files" utils
}

# deb_boot KERNEL FILES WHAT: tests what packages contain in an emulated host.
deb_boot() {
	local LAB_KERNEL=$1 LAB_FILES=$2 LAB_RUN LAB_TIMEOUT=300

	start_run "deb-$3" "$LAB_KERNEL" /lab/tools/packaging/test "$3"
	run_host cat
	results job "$LAB_RUN"
}

# The modules that DKMS has built, before they are purged; each kernel takes its own.
keep_modules() {
	mkdir "$LAB_RUN/dkms"
	(cd "$LAB_BARE" && cp --parents usr/lib/modules/*/updates/dkms/nvgpu-vfio-pci.ko* "$LAB_RUN/dkms/")
}

# package_check TITLE COMMAND...: one result.
package_check() {
	local title=$1 log

	PACKAGE_CHECKS=$((PACKAGE_CHECKS + 1))
	log=$LAB_RUN/check-$PACKAGE_CHECKS.log
	shift
	attempt "$@" >"$log" 2>&1
	if [ "$LAB_STATUS" -eq 0 ]; then
		printf 'ok - %s\n' "$title"
	else
		printf 'not ok - %s\n' "$title"
		tail -n 20 "$log" | sed 's/^/    /'
	fi
}

bare_install_headers() {
	local headers

	mapfile -t headers < <(bare_headers)
	[ "${#headers[@]}" -eq 2 ] || { echo "headers of two kernels wanted, found: ${headers[*]}"; return 1; }
	retry bare_apt install "${headers[@]}"
}

bare_unchanged() {
	bare_files >"$LAB_RUN/files.after"
	diff "$LAB_RUN/files.before" "$LAB_RUN/files.after"
}

bare_purge() {
	bare_apt purge --auto-remove nvgpu-vfio-pci-dkms nvgpu-utils
	bare_unchanged
}

# What the packages work with stays, and what that leaves is not ours.
bare_prepare() {
	retry make_bare "$LAB_BARE"
	retry bare_apt install dkms gcc make sosreport udev zsh
	bare_install_headers
	bare_files >"$LAB_RUN/files.before"
}

# For everybody else: all of it below DESTDIR, also what depmod writes.
check_make_install() {
	local kernel=${DEB_KERNELS%% *} tree=$LAB_RUN/make-install to release

	to=$(inside "$tree")/to
	release=$(kernel_release "$kernel")
	checkout_copy "$tree"
	module_make_needs
	tools_locked shared in_tools_at "$tree" make install KDIR="$(kernel_build_dir "$kernel")" DESTDIR="$to" prefix=/usr
	in_tools modinfo -b "$to" -k "$release" -F filename nvgpu-vfio-pci | grep "^$to/"
	[ ! -e "$LAB_TOOLS/lib/modules/$release/modules.dep" ]
	in_tools "$to/usr/sbin/nvgpuctl" --version
	in_tools_at "$tree" make -C tools/nvgpuctl uninstall DESTDIR="$to" prefix=/usr
	[ -z "$(find "$tree/to" -type f ! -path '*/lib/modules/*')" ]
	rm -rf "$tree"
}

deb_all() {
	local kernel

	package_check "build both packages" in_packaging build_debs "$LAB_RUN/debs" 0.1.0
	package_check "build the next version" in_packaging build_debs "$LAB_RUN/debs" 0.1.1
	package_check "build nvgpu-utils for arm64" in_packaging build_debs "$LAB_RUN/debs/arm64" 0.1.0 --build=any --host-arch=arm64
	package_check "lintian" check_lintian "$LAB_RUN/debs/0.1.0"
	package_check "lintian, arm64" check_lintian "$LAB_RUN/debs/arm64/0.1.0"
	package_check "no symbol and no dependency that Debian 12 or Ubuntu 24.04 lacks" check_fits
	package_check "install both packages in a bare Debian 12" check_bookworm
	package_check "a bare Debian with dkms and the headers of two kernels" bare_prepare
	package_check "install nvgpu-vfio-pci-dkms" bare_install 0.1.0 nvgpu-vfio-pci-dkms_0.1.0_all.deb
	package_check "modules for both kernels" check_modules 0.1.0
	package_check "install nvgpu-utils: its files, and who finds them" check_utils
	package_check "upgrade" bare_install 0.1.1 nvgpu-vfio-pci-dkms_0.1.1_all.deb nvgpu-utils_0.1.1_amd64.deb
	package_check "modules of the new version, none of the old" check_modules 0.1.1
	package_check "keep the modules" keep_modules
	package_check "purge leaves nothing" bare_purge
	for kernel in $DEB_KERNELS; do
		package_check "the module of the package serves a simulated GPU, kernel '$kernel'" \
			deb_boot "$kernel" "$LAB_RUN/dkms" module
	done
	package_check "nvgpuctl of the package on an arm64 host" check_arm64
	package_check "make install DESTDIR=" check_make_install
	rpm_all
}

# packages_begin COMMAND
packages_begin() {
	local products

	# shellcheck disable=SC2086 # a list of names
	mapfile -t products < <(printf 'kernel-%s\n' $DEB_KERNELS)
	prepare "$LAB_KERNEL" root-amd64 packaging "${products[@]}"
	tools_add native package-tests
	LAB_RUN=$(new_run "$1")
	LAB_BARE=$LAB_RUN/bare
	PACKAGE_CHECKS=0
	say "building and testing packages; logs: $LAB_RUN"
}

# packages_end PACKAGE...: leaves them where their user looks for them.
packages_end() {
	local to=${LAB_ARGS[0]:-$LAB_TOP/packages}

	rm -rf "$LAB_BARE"
	static_summary "$PACKAGE_CHECKS"
	mkdir -p "$to"
	cp "$@" "$to/"
	say "packages: $to"
}

cmd_deb() {
	packages_begin deb
	deb_all > >(tee "$LAB_RUN/output.log")
	packages_end "$LAB_RUN"/debs/{,arm64/}0.1.0/*.deb "$LAB_RUN"/rpms/0.1.0/*.rpm
}
