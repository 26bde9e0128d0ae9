# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# RPM packages: built by Debian's rpm from the spec, installed in the bare Debian. That root
# is empty for rpm, nothing in it is known to have what ours require: hence --nodeps.

# What Debian's rpm leaves undone: its sh cannot run brp-compress, and brp-strip keeps symbols.
# shellcheck disable=SC2016 # the shell of the build expands it
RPM_POST='__os_install_post bash /usr/lib/rpm/brp-compress /usr && "${CROSS_COMPILE}strip" "$RPM_BUILD_ROOT/usr/sbin/nvgpuctl"'

# rpm_build TARBALL MACHINE PREFIX: with the tools of that prefix, in in_packaging's directory.
rpm_build() {
	in_tools_at "$dir" env CROSS_COMPILE="$3" PKG_CONFIG="$3pkg-config" rpmbuild -ta "$1" --nodeps \
		--target "$2" -D "_topdir $(inside "$dir")/rpm" -D "$RPM_POST"
}

# build_rpms DIRECTORY VERSION: into DIRECTORY/VERSION: source, amd64 and arm64. With in_packaging.
build_rpms() {
	local out=$1/$2 name=nvgpu-vfio-pci-$2

	checkout_copy "$dir/$name"
	sed -i "s/^\(Version: *\).*/\1$2/" "$dir/$name/tools/packaging/rpm/nvgpu-vfio-pci.spec"
	tar -czf "$dir/$name.tar.gz" -C "$dir" "$name"
	rpm_build "$name.tar.gz" x86_64 "${ARCH_CROSS[amd64]}"
	rpm_build "$name.tar.gz" aarch64 "${ARCH_CROSS[arm64]}"
	mkdir -p "$out"
	find "$dir/rpm" -name '*.rpm' -exec mv -t "$out" {} +
}

check_rpmlint() {
	cp "$LAB_TOP"/tools/packaging/rpm/* "$LAB_RUN/rpms/0.1.0/"
	in_tools_at "$LAB_RUN/rpms/0.1.0" sh -c 'rpmlint --strict -c rpmlint.toml *.rpm *.spec'
}

bare_rpm() {
	in_tools rpm --root "$(inside "$LAB_BARE")" "$@"
}

# bare_rpm_install VERSION
bare_rpm_install() {
	local rpms

	rpms=$(inside "$LAB_RUN/rpms/$1")
	bare_rpm -U --nodeps "$rpms/nvgpu-vfio-pci-dkms-$1-1.noarch.rpm" "$rpms/nvgpu-utils-$1-1.x86_64.rpm"
}

# The same files as Debian's package, but for those of zsh and sos. rpm brings no libraries,
# the chroot has them.
check_rpm_utils() {
	bare_rpm_install 0.1.0
	diff <(utils_files | sed -e 's/vendor-completions/site-functions/' -e 's|/lib/python3/.*/|/share/doc/nvgpu-utils/|' | sort) \
		<(bare_rpm -ql nvgpu-utils | grep -v -e /.build-id -e ^/usr/share/licenses -e 'utils$' | sort)
	in_tools "$(inside "$LAB_BARE")/usr/sbin/nvgpuctl" --version
	in_tools rpm -qp --fileclass "$(inside "$LAB_RUN")/rpms/0.1.0/nvgpu-utils-0.1.0-1.aarch64.rpm" |
		grep '^/usr/sbin/nvgpuctl.* ARM aarch64'
}

# The package asks for a module for the kernel that runs, of which the root has no headers.
check_rpm_modules() {
	local modules

	for modules in "$LAB_BARE"/usr/lib/modules/*/; do
		in_bare dkms install nvgpu-vfio-pci/0.1.0 -k "$(basename "$modules")"
	done
	check_modules 0.1.0
}

check_rpm_upgrade() {
	bare_rpm_install 0.1.1
	[ "$(in_bare dkms status)" = "nvgpu-vfio-pci/0.1.1: added" ]
}

# Where there is RPM the two directories belong to its package "filesystem".
bare_rpm_erase() {
	bare_rpm -e nvgpu-vfio-pci-dkms nvgpu-utils
	rmdir "$LAB_BARE/usr/share/licenses" "$LAB_BARE/usr/share/man/man4"
	bare_unchanged
}

# In the bare Debian as bare_prepare() left it.
rpm_all() {
	package_check "build RPM packages" in_packaging build_rpms "$LAB_RUN/rpms" 0.1.0
	package_check "build their next version" in_packaging build_rpms "$LAB_RUN/rpms" 0.1.1
	package_check "rpmlint" check_rpmlint
	package_check "install them by rpm --root --nodeps: files, nvgpuctl" check_rpm_utils
	package_check "modules for both kernels, from the RPM package" check_rpm_modules
	package_check "upgrade by rpm: the new source for DKMS, none of the old" check_rpm_upgrade
	package_check "erase leaves nothing" bare_rpm_erase
}

cmd_rpm() {
	packages_begin rpm
	{
		package_check "a bare Debian with dkms and the headers of two kernels" bare_prepare
		rpm_all
	} > >(tee "$LAB_RUN/output.log")
	packages_end "$LAB_RUN"/rpms/0.1.0/*.rpm
}
