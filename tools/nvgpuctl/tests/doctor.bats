#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# doctor: a healthy host passes; each broken host gives the matching finding.
# shellcheck disable=SC2154 # bats sets output and status

load common

# finds VERDICT CHECK TEXT: there is such a finding, with the matching exit status.
finds() {
	run nvgpuctl doctor --json
	case $1 in
	FAIL) status_is 11 ;;
	WARN) status_is 10 ;;
	*) status_is 0 ;;
	esac
	python3 - "$@" <<-END
		import json, sys
		verdict, check, text = sys.argv[1:4]
		found = [f for f in json.loads('''${output//\\/\\\\}''')["findings"]
		         if f["check"] == check and f["verdict"] == verdict]
		ok = any(text in f["seen"] for f in found)
		todo = verdict in ("PASS", "SKIP") or all(f["todo"] for f in found)
		if not ok or not todo:
		    sys.exit("no %s of %s with '%s': %s" % (verdict, check, text, found))
	END
}

tables() {
	printf '%s/sys/firmware/acpi/tables' "$HOST"
}

poke() {
	# shellcheck disable=SC2059 # the bytes are escapes
	printf "$3" | dd of="$(gpu_dir "$A")/$1" bs=1 seek=$(($2)) conv=notrunc status=none
}

@test "healthy, not bound: passes" {
	run nvgpuctl doctor
	status_is 0
	output_has "0 warnings, 0 failures"
	output_lacks '^(WARN|FAIL)'
	fits_80_columns
}

@test "healthy, bound: passes" {
	has_memory "$A"
	has_memory "$B"
	echo 0x460000000000 >"$(gpu_dir "$B")/coherent_memory/base"
	echo nvgpu_vfio_pci | tee "$HOST/etc/driverctl.d/pci-$A" >"$HOST/etc/driverctl.d/pci-$B"
	run nvgpuctl doctor
	status_is 0
	output_has "bound to nvgpu_vfio_pci"
}

@test "--quiet: warnings and failures only; no GPU is 77" {
	run nvgpuctl doctor -q
	[ -z "$output" ]
	rm -r "$HOST"/sys/bus/pci/devices/*
	run nvgpuctl doctor
	status_is 77
}

@test "advice: equal findings in one, failures first, the last line is what to do first" {
	bound_to "$A" nvidia
	bound_to "$B" nvidia
	fact page.size 4096
	rm "$HOST/lib/modules/$RELEASE"/modules.dep*
	run nvgpuctl doctor
	status_is 11
	[[ ${lines[0]} = "FAIL  module.installed "* ]]
	output_has "skipped first: install nvgpu-vfio-pci-dkms and the headers"
	output_has "driver.bound $A $B: bound to nvidia -> nvgpuctl bind $A $B"
	[ "$(grep -c driver.bound <<<"$output")" -eq 1 ]
	fits_80_columns
	run nvgpuctl doctor --json
	[ "$(json 'len([f for f in d["findings"] if f["check"] == "driver.bound"])')" = 2 ]
}

@test "advice: what has an address in a path is one for each GPU" {
	for gpu in "$A" "$B"; do
		echo vfio-pci >"$(gpu_dir "$gpu")/driver_override"
	done
	COLUMNS=300 run nvgpuctl doctor --only driver.override
	[ "$(grep -c "^WARN  driver.override" <<<"$output")" -eq 2 ]
	output_has "/sys/bus/pci/devices/$B/driver_override"
	echo vfio-pci | tee "$HOST/etc/driverctl.d/pci-$A" >"$HOST/etc/driverctl.d/pci-$B"
	COLUMNS=300 run nvgpuctl doctor --only driver.persisted
	output_has "$A: /etc/driverctl.d/pci-$A says vfio-pci"
	output_has "$B: /etc/driverctl.d/pci-$B says vfio-pci"
}

@test "--only, --ignore: checks by name or group" {
	run nvgpuctl doctor --only host,memory.ready --ignore host.kvm,host.sea --json
	status_is 0
	[ "$(json 'sorted({f["check"] for f in d["findings"]})')" = "['host.arch', 'host.config', 'host.kernel', 'host.nodes', 'host.page_size', 'memory.ready']" ]
	run nvgpuctl doctor --ignore hosts
	status_is 2
	output_has "--ignore hosts: must be names of checks"
}

@test "every check is in --help" {
	run nvgpuctl doctor --json
	checks=$(json '" ".join(sorted({f["check"] for f in d["findings"]}))')
	run nvgpuctl doctor --help
	for check in $checks; do
		output_has " $check "
	done
}

@test "broken: another architecture" {
	fact machine x86_64
	finds FAIL host.arch x86_64
}

@test "broken: kernel too old, the first finding" {
	echo 6.8.0-31-generic >"$HOST/proc/sys/kernel/osrelease"
	finds FAIL host.kernel "6.8.0-31-generic is too old: the driver needs 6.12"
	[ "$(json 'd["findings"][0]["check"]')" = host.kernel ]
}

@test "broken: kernel without a symbol, each of them" {
	cp "$HOST/lib/modules/$RELEASE/config" "$HOST/config"
	for symbol in VFIO_DEVICE_CDEV VFIO_PCI_DMABUF PCI_P2PDMA; do
		grep -v "CONFIG_$symbol=" "$HOST/config" >"$HOST/lib/modules/$RELEASE/config"
		finds WARN host.config "CONFIG_$symbol"
	done
}

@test "broken: 4 KiB pages" {
	fact page.size 4096
	finds WARN host.page_size "4 KiB"
}

@test "broken: kernel without VFIO" {
	sed -i /CONFIG_VFIO_PCI_CORE/d "$HOST/lib/modules/$RELEASE/config"
	finds FAIL host.config CONFIG_VFIO_PCI_CORE
}

@test "broken: kernel without iommufd, configuration compressed" {
	grep -v IOMMUFD "$HOST/lib/modules/$RELEASE/config" | gzip >"$HOST/proc/config.gz"
	rm "$HOST/lib/modules/$RELEASE/config"
	finds WARN host.config CONFIG_IOMMUFD
}

@test "broken: KVM maps device memory uncached" {
	fact kvm.cacheable_pfnmap 0
	finds FAIL host.kvm KVM_CAP_ARM_CACHEABLE_PFNMAP_SUPPORTED
}

@test "broken: no KVM" {
	fact kvm.cacheable_pfnmap
	finds FAIL host.kvm "not available"
}

@test "broken: KVM does not report hwpoisoned pages" {
	fact kvm.sea_to_user 0
	finds WARN host.sea KVM_CAP_ARM_SEA_TO_USER
}

@test "broken: too few NUMA nodes" {
	sed -i s/NODES_SHIFT=6/NODES_SHIFT=4/ "$HOST/lib/modules/$RELEASE/config"
	finds WARN host.nodes "allows 16 NUMA nodes, 2 GPUs need 17"
}

@test "broken: module not installed" {
	rm "$HOST/lib/modules/$RELEASE"/modules.dep*
	finds FAIL module.installed "no module nvgpu-vfio-pci"
}

@test "broken: module blacklisted" {
	echo "blacklist nvgpu-vfio-pci" >"$HOST/etc/modprobe.d/x.conf"
	finds FAIL module.installed blacklisted
}

@test "broken: an install line of modprobe.d" {
	echo "install nvgpu_vfio_pci /bin/false" >"$HOST/etc/modprobe.d/x.conf"
	finds FAIL module.installed 'modprobe runs "/bin/false"'
}

@test "broken: another module loaded than installed" {
	mkdir -p "$HOST/sys/module/nvgpu_vfio_pci"
	echo FEDCBA >"$HOST/sys/module/nvgpu_vfio_pci/srcversion"
	finds WARN module.current FEDCBA
}

@test "broken: Secure Boot and an unsigned module" {
	mkdir -p "$HOST/sys/firmware/efi/efivars"
	printf '\x06\x00\x00\x00\x01' >"$HOST/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	finds FAIL module.signature "not signed"
}

# certificate FILE: of key 0102, whose subject key identifier is that of "kernel_key".
certificate() {
	mkdir -p "$(dirname "$HOST/$1")"
	printf '\x02\x02\x01\x02 \x06\x03\x55\x1d\x0e\x04\x16\x04\x14ABCDEFGHIJKLMNOPQRST' >"$HOST/$1"
}

# kernel_key NAME [ID]: the kernel has this key.
kernel_key() {
	echo "12 I------ 1 perm 1f010000 0 0 asymmetric $1: ${2-4142434445464748494a4b4c4d4e4f5051525354}: X509.rsa 51525354 []" >"$HOST/proc/keys"
}

@test "broken: lockdown and a signed module: the key by its id, not by its name" {
	echo "none [integrity] confidentiality" >"$HOST/sys/kernel/security/lockdown"
	rm -r "$HOST/lib/modules"
	SIGNER="My MOK" MODULE=$BIN/module.ko "$BATS_TEST_DIRNAME/make-host" "$HOST.signed"
	mv "$HOST.signed/lib/modules" "$HOST/lib/"
	finds SKIP module.signature "unknown"
	kernel_key "Debian Secure Boot"
	finds FAIL module.signature 'the key "My MOK" (0102)'
	# A key of this name, of which no certificate is here.
	kernel_key "My MOK"
	finds SKIP module.signature "unknown"
	# Its certificate is where framework.conf says, or at Ubuntu's place or Debian's.
	for file in /srv/mok.crt /var/lib/shim-signed/mok/MOK.der /var/lib/dkms/mok.pub; do
		certificate "$file"
		mkdir -p "$HOST/etc/dkms"
		[ "$file" != /srv/mok.crt ] || echo "mok_certificate=\"$file\"" >"$HOST/etc/dkms/framework.conf"
		kernel_key "another name"
		finds PASS module.signature "My MOK"
		kernel_key "My MOK" 0000
		finds FAIL module.signature "My MOK"
		run nvgpuctl doctor
		output_has "mokutil --import $file"
		rm -rf "${HOST:?}"/{srv,etc/dkms,var}
	done
	kernel_key "My MOK" 0102
	finds PASS module.signature "My MOK"
}

@test "broken: no IOMMU group" {
	rm "$(gpu_dir "$A")/iommu_group"
	finds FAIL iommu.group "no IOMMU group"
	run nvgpuctl show "$A" --json
	[ "$(json 'd["gpus"][0]["iommu_group"]')" = None ]
}

@test "broken: group not viable, the blocker by name" {
	ln -sfnr "$HOST/sys/bus/pci/drivers/nvidia" "$(gpu_dir 0009:00:00.0)/driver"
	finds FAIL iommu.viable "0009:00:00.0 is bound to nvidia"
}

@test "broken: group blocked by another GPU in it" {
	ln -sfnr "$HOST/sys/kernel/iommu_groups/14" "$(gpu_dir "$B")/iommu_group"
	ln -sr "$(gpu_dir "$B")" "$HOST/sys/kernel/iommu_groups/14/devices/$B"
	bound_to "$B" nvidia
	finds FAIL iommu.viable "$B, a GPU as well, is bound to nvidia"
	[ "$(json '[f["todo"] for f in d["findings"] if f["check"] == "iommu.viable" and f["verdict"] == "FAIL"]')" = "['nvgpuctl bind $A $B']" ]
}

@test "broken: bound, but not persisted" {
	has_memory "$A"
	finds WARN driver.persisted "not at the next boot"
}

@test "broken: GPUs share an SMMU" {
	ln -sfnr "$HOST/sys/class/iommu/smmu3.0x0000000012000000" "$(gpu_dir "$B")/iommu"
	finds WARN iommu.shared "with $B"
}

@test "broken: firmware without the properties" {
	echo nothing >"$(tables)/SSDT1"
	finds FAIL memory.firmware "no property nvidia,gpu-mem-size"
}

@test "broken: firmware with one of the properties" {
	sed -i 's/gpu-mem-size/gpu-mem-sjze/g' "$(tables)/SSDT1"
	finds FAIL memory.firmware "nvidia,gpu-mem-size is missing"
}

# What an unprivileged user gets: tables that exist, but cannot be read.
hide_tables() {
	ln -sfn /nonexistent "$(tables)/SSDT1"
}

@test "unknown: ACPI tables that cannot be read are neither there nor missing" {
	hide_tables
	finds SKIP memory.firmware "only root can read the ACPI tables"
	run nvgpuctl show "$A"
	output_has "unknown: reading ACPI tables needs root"
	run nvgpuctl show --json "$A"
	for key in base size usemem resmem ready resets poisoned_pages; do
		[ "$(json "d['gpus'][0]['memory']['$key']")" = None ]
	done
}

@test "unknown: 64 bytes of config space" {
	truncate -s 64 "$(gpu_dir "$A")/config"
	finds SKIP memory.ready "only root can read its config space"
	run nvgpuctl show --json "$A"
	[ "$(json 'd["gpus"][0]["mig_fixed"], d["gpus"][0]["cxl"]')" = "None None" ]
	[ "$(json 'd["gpus"][0]["memory"]["usemem"]')" = None ]
	run nvgpuctl show "$A"
	output_has "MIG bug unknown: reading all of its config space needs root"
}

@test "unknown: BAR0 without memory decode" {
	poke config 4 '\x00'
	poke resource0 0x1498 '\x00'
	finds SKIP memory.ready "memory decode is off"
}

@test "unknown: lockdown" {
	rm "$HOST/sys/kernel/security/lockdown"
	finds SKIP module.signature "lockdown cannot be read"
}

@test "unknown: the tables describe another number of GPUs" {
	head -c 80 "$(tables)/SSDT1" >"$HOST/ssdt"
	mv "$HOST/ssdt" "$(tables)/SSDT1"
	finds SKIP memory.firmware "of another GPU"
}

@test "seen to be wrong: a FAIL even when something else is unknown" {
	hide_tables
	rm "$HOST/sys/bus/pci/devices/$B"
	echo "420000000000-4217ffffffff : System RAM (NVIDIA)" >>"$HOST/proc/iomem"
	finds FAIL memory.online "NVIDIA driver has onlined 0x420000000000"
}

@test "broken: C2C down, firmware reports size 0" {
	LC_ALL=C sed -i "s/gpu-mem-size\x00\x0e......../gpu-mem-size\x00\x0e\x00\x00\x00\x00\x00\x00\x00\x00/g" "$(tables)/SSDT1"
	finds FAIL memory.firmware "size 0: the C2C link is down"
}

@test "broken: memory online by the NVIDIA driver" {
	echo "420000000000-4217ffffffff : System RAM (NVIDIA)" >>"$HOST/proc/iomem"
	finds FAIL memory.online "NVIDIA driver has onlined 0x420000000000"
}

@test "broken: memory online by dax/kmem" {
	echo "460000000000-4617ffffffff : System RAM (kmem)" >>"$HOST/proc/iomem"
	finds FAIL memory.online "dax/kmem"
}

@test "broken: memory is System RAM since boot" {
	echo "410000000000-42ffffffffff : System RAM" >>"$HOST/proc/iomem"
	finds FAIL memory.online "since boot"
}

@test "broken: not root, no addresses: skipped, not passed" {
	sed -i 's/^\( *\)[0-9a-f]*-[0-9a-f]* /\100000000-00000000 /' "$HOST/proc/iomem"
	finds SKIP memory.online "root only"
}

@test "broken: base not a multiple of the PMD size, or of a page" {
	has_memory "$A"
	echo 0x420000010000 >"$(gpu_dir "$A")/coherent_memory/base"
	finds WARN memory.alignment "not a multiple of the PMD size (512 MiB)"
	echo 0x420000001000 >"$(gpu_dir "$A")/coherent_memory/base"
	finds FAIL memory.alignment "not a multiple of the page size"
}

@test "broken: C2C link not up" {
	poke resource0 0x1498 '\x00'
	finds FAIL memory.ready "C2C link is not up"
}

@test "broken: HBM not trained" {
	poke resource0 0x200bc '\x0f'
	finds FAIL memory.ready "HBM is not trained"
}

@test "broken: CXL range not active, not valid" {
	poke config 0x100 '\x23\x00\x01\x20'
	poke config 0x200 '\x23\x00\x01\x00\x98\x1e\x00\x03\x00\x00'
	poke config 0x21c '\x01'
	finds FAIL memory.ready "is not active"
	poke config 0x21c '\x00'
	finds FAIL memory.ready "is not valid"
	poke config 0x21c '\x03'
	finds PASS memory.ready "valid and active"
}

@test "broken: the driver's wait timed out" {
	has_memory "$A"
	echo failed >"$(gpu_dir "$A")/coherent_memory/ready"
	finds FAIL memory.ready "timed out"
}

@test "broken: the GPU does not respond" {
	has_memory "$A"
	tr '\0' '\377' </dev/zero | head -c 4096 >"$(gpu_dir "$A")/config"
	finds FAIL memory.ready "does not respond"
}

@test "broken: hwpoisoned pages" {
	has_memory "$A"
	echo 2 >"$(gpu_dir "$A")/coherent_memory/poisoned_pages"
	finds WARN memory.poison "2 hwpoisoned pages"
}

@test "broken: bound to the host's driver" {
	bound_to "$A" nvidia
	finds WARN driver.bound "bound to nvidia"
}

@test "broken: stale override" {
	echo vfio-pci >"$(gpu_dir "$A")/driver_override"
	finds WARN driver.override "vfio-pci, which is stale"
}

@test "broken: override with dashes" {
	echo nvgpu-vfio-pci >"$(gpu_dir "$A")/driver_override"
	finds FAIL driver.override "the module, not the driver"
}

@test "broken: persisted driver is not the bound one" {
	echo vfio-pci >"$HOST/etc/driverctl.d/pci-$A"
	finds WARN driver.persisted "says vfio-pci"
	echo "no driver at all" >"$HOST/etc/driverctl.d/pci-$A"
	finds FAIL driver.persisted "not the name of a driver"
}

@test "unknown: a persisted driver that cannot be read" {
	mkdir "$HOST/etc/driverctl.d/pci-$A"
	finds SKIP driver.persisted "cannot be read"
	run nvgpuctl show "$A" --json
	[ "$(json 'd["gpus"][0]["persisted"]')" = None ]
	run nvgpuctl list -o bdf,persisted
	output_has "$A ?"
}

@test "broken: another driver wins by alias" {
	sed -i 's/bc\*sc\*i\* nvgrace/bc03sc02i00 nvgrace/' "$HOST/lib/modules/$RELEASE/modules.alias"
	finds WARN driver.alias nvgrace_gpu_vfio_pci
}

@test "broken: no alias matches" {
	sed -i '/00002342/d' "$HOST/lib/modules/$RELEASE/modules.alias"
	finds FAIL driver.alias "would take vfio-pci"
}

@test "broken: a process holds /dev/nvidia0" {
	bound_to "$A" nvidia
	process 4711 nvidia-persiste /dev/nvidia0
	finds FAIL driver.users "nvidia-persiste (process 4711"
}

@test "unknown: users, while a process cannot be inspected" {
	bound_to "$A" nvidia
	mkdir "$HOST/proc/77"
	run nvgpuctl doctor --only driver.users
	output_has "SKIP driver.users $A: only root can inspect"
	process 4711 python3 /dev/nvidia0
	finds FAIL driver.users "python3"
}

@test "broken: a VM uses the GPU" {
	has_memory "$A"
	mkdir -p "$(gpu_dir "$A")/vfio-dev/vfio3"
	process 12 cloud-hyperviso /dev/vfio/devices/vfio3
	finds WARN driver.users "cloud-hyperviso (process 12"
}

@test "broken: QEMU too old" {
	fact qemu.version "QEMU emulator version 8.2.2"
	finds FAIL vmm.qemu "8.2.2"
	fact qemu.version "QEMU emulator version 9.2.0"
	finds FAIL vmm.qemu "these GPUs need a window of 1 TiB"
	run nvgpuctl doctor --only vmm.qemu "$A"
	output_has "PASS vmm.qemu QEMU emulator version 9.2.0"
	mv "$HOST/sys/firmware" "$HOST/firmware"
	run nvgpuctl doctor --only vmm.qemu "$A"
	output_has "whether the BARs fit is unknown"
	mv "$HOST/firmware" "$HOST/sys/firmware"
}

@test "broken: libvirt too old" {
	fact libvirt.version "libvirtd (libvirt) 9.0.0"
	finds WARN vmm.libvirt "9.0.0"
}

@test "broken: no device files of vfio" {
	rm -r "$HOST/dev/vfio"
	finds FAIL vmm.devices "neither"
}

@test "unknown: device files without their modules; broken: not for this user" {
	: >"$HOST/dev/iommu"
	echo "227 nothing" >"$HOST/proc/misc"
	finds SKIP vmm.devices "their modules are not loaded"
	echo "127 iommu" >"$HOST/proc/misc"
	finds PASS vmm.devices "/dev/iommu"
	rm "$HOST/dev/iommu"
	ln -s /nonexistent "$HOST/dev/iommu"
	finds WARN vmm.devices "may open neither"
}

@test "broken: this user may not open the GPU's device file" {
	finds SKIP vmm.access "not bound to a vfio driver"
	has_memory "$A"
	ln -sf /nonexistent "$HOST/dev/vfio/14"
	finds WARN vmm.access "may not open /dev/vfio/14"
	mkdir -p "$(gpu_dir "$A")/vfio-dev/vfio3" "$HOST/dev/vfio/devices"
	: >"$HOST/dev/vfio/devices/vfio3"
	run nvgpuctl doctor --only vmm.access
	output_has "may open /dev/vfio/devices/vfio3"
	rm "$HOST/dev/vfio/14"
	: >"$HOST/dev/vfio/14"
	run nvgpuctl doctor --only vmm.access
	output_has "may open /dev/vfio/14"
}

@test "broken: no accelerated guest SMMU" {
	finds PASS vmm.smmu "have accelerated guest SMMUs"
	fact qemu.version "QEMU emulator version 11.0.2"
	finds WARN vmm.smmu "11.0.2 has no arm-smmuv3 with accel=on"
	sed -i /ARM_SMMU_V3_IOMMUFD/d "$HOST/lib/modules/$RELEASE/config"
	finds WARN vmm.smmu CONFIG_ARM_SMMU_V3_IOMMUFD
	rm "$HOST/lib/modules/$RELEASE/config"
	finds SKIP vmm.smmu unknown
}

@test "broken: limit of locked memory" {
	echo "Max locked memory         8388608              8388608              bytes" >"$HOST/proc/self/limits"
	finds WARN vmm.memlock "may lock 8 MiB; a VM with 16 GiB of RAM needs 211 GiB"
	run nvgpuctl doctor --memory 1G
	output_has "needs 196 GiB"
	printf 'Name:\tx\nCapEff:\t000001ffffffffff\n' >"$HOST/proc/self/status"
	finds PASS vmm.memlock "CAP_IPC_LOCK"
}

@test "unknown: whether a limit suffices for memory of unknown size" {
	hide_tables
	echo "Max locked memory         34359738368          34359738368          bytes" >"$HOST/proc/self/limits"
	finds SKIP vmm.memlock "the size of GPU memory is unknown"
	run nvgpuctl doctor --memory 64G
	output_has "WARN vmm.memlock"
}
