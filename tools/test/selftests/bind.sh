#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Binding: aliases, driver_override, what the log and iomem say, unbinding.

# shellcheck disable=SC2317,SC2329 # functions that "check" calls
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib/tap.sh
. "$HERE/lib/tap.sh"
# shellcheck source=lib/gpu.sh
. "$HERE/lib/gpu.sh"

DRIVER=nvgpu_vfio_pci
MODULE=nvgpu-vfio-pci
IDS="2342 2345 2348 2941 3041 307F 31A1 31C2 31C3"

# The alias that libvirt prefers: class 0302 given, so it has the fewest wildcards.
has_alias() {
	local want="vfio_pci:v000010DEd0000$1sv*sd*bc03sc02i*"

	modinfo -F alias "$MODULE" | grep -qxF "$want" ||
		complain "modinfo of $MODULE lacks $want"
}

in_modules_alias() {
	grep -qi "^alias vfio_pci:v000010ded00002342.* ${MODULE//-/[-_]}\$" \
		"/lib/modules/$(uname -r)/modules.alias" ||
		complain "modules.alias has no vfio_pci: line of $MODULE for 10de:2342"
}

# As libvirt does: of what depmod wrote, the line that fits with the fewest wildcards.
# Argument: a GPU's device id.
libvirt_picks_us() {
	local modalias pattern module stars fewest=99 picked=

	modalias=vfio_$(sed "s/d00002342/d0000$1/" "$PCI_ROOT/devices/$BDF/modalias")
	while read -r _ pattern module; do
		# shellcheck disable=SC2053 # a pattern
		[[ $modalias == $pattern ]] || continue
		stars=${pattern//[!*]/}
		if [ ${#stars} -lt "$fewest" ]; then
			fewest=${#stars}
			picked=$module
		fi
	done < <(grep '^alias vfio_pci:' "/lib/modules/$(uname -r)/modules.alias")
	[ "${picked//-/_}" = "$DRIVER" ] ||
		complain "libvirt would pick \"$picked\" for $modalias, expected $DRIVER"
}

# An alias without the vfio_pci: prefix would make udev load the driver on any host.
no_plain_alias() {
	local plain

	plain=$(modinfo -F alias "$MODULE" | grep '^pci:')
	[ -z "$plain" ] || complain "plain PCI alias: $plain"
}

claim_covers_memory() {
	local range want

	range=$(sed 's/0x//g' "$SIM_ROOT/bind/memory_range")
	want="$range : nvgpu $BDF"
	[ "$(claims)" = "$want" ] || complain "iomem claims are \"$(claims)\", expected \"$want\""
}

says() {
	kernel_log_since bind-test "$DRIVER $BDF" | grep -qE "$1" ||
		complain "no kernel message of $DRIVER $BDF with: $1"
}

# sriov DRIVER ALLOWED: what asking it for a VF ends with. The simulator has no room for VFs.
sriov() {
	bind_gpu "$BDF" "$1" && write_attr "/sys/module/${1//-/_}/parameters/enable_sriov" "$2" || return
	write_attr "$PCI_ROOT/devices/$BDF/sriov_numvfs" 1 2>&1
	write_attr "/sys/module/${1//-/_}/parameters/enable_sriov" N
	unbind_gpu "$BDF"
}

gone() {
	[ ! -e "/dev/vfio/$GROUP" ] || complain "/dev/vfio/$GROUP is still there"
	[ -z "$(claims)" ] || complain "iomem still has: $(claims)"
	[ "$(module_refs "$MODULE")" = 0 ] || complain "$MODULE has $(module_refs "$MODULE") references"
}

tap_plan 35
for id in $IDS; do
	check "alias of 10de:$id" has_alias "$id"
done
check "modules.alias" in_modules_alias
check "no alias outside vfio_pci:" no_plain_alias

mark_kernel_log bind-test
check "make a GPU" make_gpu bind more_caps=1
BDF=$(gpu_bdf bind)
GROUP=$(group_of "$BDF")
for id in $IDS; do
	check "libvirt picks the driver for 10de:$id by its alias" libvirt_picks_us "$id"
done
check "modprobe" modprobe "$MODULE"
check_is "loading the driver binds nothing" "$(driver_of "$BDF")" ""
check_is "nothing is claimed before bind" "$(claims)" ""
check "bind by driver_override" bind_gpu "$BDF" "$DRIVER"
check_is "sysfs driver link" "$(driver_of "$BDF")" "$DRIVER"
check "memory is claimed in iomem" claim_covers_memory
check "bind line in the log" says 'usemem 2560 MiB .*BAR4.* 4096 MiB.*resmem 1152 MiB .*BAR2.* 2048 MiB'
check "the group has a device file" test -c "/dev/vfio/$GROUP"
check "a second driver cannot take the function" \
	eval "! write_attr $PCI_ROOT/drivers/vfio-pci/bind $BDF 2>/dev/null"
check "unbind" unbind_gpu "$BDF"
check "nothing is left after unbind" gone
modprobe vfio-pci
for allowed in N Y; do
	check_is "SR-IOV with enable_sriov=$allowed is that of vfio-pci" \
		"$(sriov "$DRIVER" "$allowed")" "$(sriov vfio-pci "$allowed")"
done
check "remove the GPU" remove_gpu bind
tap_end
