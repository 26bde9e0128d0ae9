#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# gen: checks the configurations with QEMU and libvirt, if installed.
# shellcheck disable=SC2154 # bats sets output and status

load common

# Prints the words of the script's command line, one per line.
words_of() {
	# shellcheck disable=SC2001 # a line's beginning
	sed "s|^exec [^ ]*|printf '%s\\\\n'|" <<<"$output" | bash
}

# put_disk FILE MAGIC: an image that begins so.
put_disk() {
	mkdir -p "$HOST$(dirname "$1")"
	printf '%b' "$2" >"$HOST$1"
}

@test "gen: the format of a disk is that of its image" {
	put_disk /raw.img ""
	put_disk /cow.img 'QFI\xfb\0\0\0\3'
	run nvgpuctl gen qemu "$A" --disk /raw.img
	output_has "-drive if=virtio,format=raw,file=/raw.img"
	run nvgpuctl gen qemu "$A" --disk /cow.img
	output_has "format=qcow2,file=/cow.img"
	run nvgpuctl gen libvirt "$A" --disk /cow.img
	output_has "<driver name='qemu' type='qcow2'/> <source file='/cow.img'/>"
	run nvgpuctl gen qemu "$A" --disk /none.img
	status_is 1
	output_has "--disk /none.img: No such file"
}

@test "gen: every value is escaped for bash, for QEMU's options, for XML" {
	name=$'a, \'b\' "$(c)" <d> & `e`'
	put_disk "/$name" ""
	run nvgpuctl gen qemu "$A" --name "$name" --disk "/$name"
	status_is 0
	bash -n <<<"$output"
	words=$(words_of)
	grep -qxF -- "${name/,/,,}" <<<"$words"
	grep -qxF -- "if=virtio,format=raw,file=/${name/,/,,}" <<<"$words"
	run nvgpuctl gen libvirt "$A" --name "$name" --disk "/$name"
	status_is 0
	[ "$(python3 -c 'import sys, xml.dom.minidom as m
d = m.parseString(sys.stdin.read())
print(d.getElementsByTagName("name")[0].firstChild.data)' <<<"$output")" = "$name" ]
	run nvgpuctl gen qemu "$A" --name $'two\nlines'
	status_is 2
	output_has "must be a text of one line"
}

@test "gen libvirt: what each version has: ras, Secure Boot off, the MMIO window" {
	run nvgpuctl gen libvirt all --libvirt-version 10.3
	output_lacks "<ras"
	output_has "<qemu:arg value='-machine'/><qemu:arg value='ras=on'/>"
	output_has "<feature enabled='no' name='secure-boot'/>"
	run nvgpuctl gen libvirt all --libvirt-version 10.4
	output_has "<ras state='on'/>"
	output_has "highmem-mmio-size=1024G"
	run nvgpuctl gen libvirt all --libvirt-version 12.8
	output_has "<pcihole64 unit='KiB'>1073741824</pcihole64>"
	output_lacks "qemu:commandline>"
}

@test "gen: QEMU found or assumed is in the head, warnings are on stderr" {
	run nvgpuctl gen qemu "$A"
	output_has "for QEMU 11.1."
	fact qemu.version
	bound_to "$A" nvidia
	rm "$(gpu_dir "$A")/iommu_group"
	run bash -c "'$BIN/nvgpuctl-test' --sysroot '$HOST' gen qemu '$A' 2>'$HOST.err'"
	status_is 0
	output_has "for QEMU 11.1, which is assumed."
	grep -q "$A: bound to nvidia" "$HOST.err"
	grep -q "$A: no IOMMU group" "$HOST.err"
}

@test "gen qemu: 8 nodes and initiators for each GPU, one port each" {
	run nvgpuctl gen qemu all --host-node 0
	status_is 0
	[ "$(grep -c 'acpi-generic-initiator' <<<"$output")" -eq 16 ]
	[ "$(grep -c -- '-numa' <<<"$output")" -eq 17 ]
	output_has "-device vfio-pci-nohotplug,host=$B,bus=port1,rombar=0,id=dev1"
	output_has "acpi-generic-initiator,id=gi15,pci-dev=dev1,node=16"
	fits_80_columns
}

@test "gen: RAM on the GPU's socket, or as requested" {
	run nvgpuctl gen qemu "$B"
	output_has "memory-backend-ram,id=m0,size=16384M,host-nodes=1,policy=bind"
	output_lacks "dist,|pxb-pcie"
	run nvgpuctl gen libvirt "$B"
	output_has "<memnode cellid='0' mode='strict' nodeset='1'/>"
	run nvgpuctl gen cloud-hypervisor "$B"
	output_has "id=m0,size=16384M,host_numa_node=1"
	run nvgpuctl gen qemu "$B" --host-node 0
	output_has "host-nodes=0,policy=bind"
	run nvgpuctl gen qemu "$B" --host-node any
	output_has "memory-backend-ram,id=m0,size=16384M"
	output_lacks "host-nodes"
	echo -1 >"$(gpu_dir "$B")/numa_node"
	run nvgpuctl gen qemu "$B"
	output_has "memory-backend-ram,id=m0,size=16384M"
	output_lacks "host-nodes"
	run nvgpuctl gen qemu "$B" --host-node 0-7
	status_is 1
	output_has "node 2 has no memory; nodes with memory: 0-1"
	for nodes in 0-8 1-0 x ""; do
		run nvgpuctl gen qemu "$B" --host-node "$nodes"
		status_is 2
		output_has "up to 8 nodes such as 0,1, or any"
	done
}

@test "gen: several sockets in one VM, with all distances" {
	run nvgpuctl gen qemu all --memory 9G --cpus 5
	output_has "id=m0,size=4608M,host-nodes=0,policy=bind"
	output_has "node,nodeid=1,cpus=2-4,memdev=m1"
	output_has "-smp 5,sockets=5"
	[ "$(grep -c 'dist,src' <<<"$output")" -eq $((18 * 17 / 2)) ]
	output_has "dist,src=0,dst=1,val=40"
	output_has "dist,src=0,dst=2,val=20"
	output_has "dist,src=1,dst=2,val=50"
	output_has "dist,src=9,dst=10,val=50"
	output_has "pxb-pcie,id=pcie.2,bus_nr=32,bus=pcie.0,numa_node=1"
	output_has "pcie-root-port,id=port1,bus=pcie.2,"
	run nvgpuctl gen libvirt all --libvirt-version 12.8
	[ "$(grep -c '<sibling' <<<"$output")" -eq $((18 * 18)) ]
	output_has "<target busNr='32'><node>1</node></target>"
	run nvgpuctl gen libvirt all --libvirt-version 11.3
	[ "$(grep -c 'dist,src' <<<"$output")" -eq $((18 * 17 / 2)) ]
	run nvgpuctl gen cloud-hypervisor all
	[ "$(grep -oE '@[0-9]+' <<<"$output" | wc -l)" -eq $((18 * 17)) ]
	output_has "guest_numa_id=10,device_id=gpu1,distances=[0@50,1@20,"
	run nvgpuctl gen qemu all --cpus 1
	status_is 1
	output_has "the VM has 2 nodes of the host, each needs a CPU"
}

@test "gen --hugepages: of a size that the kernel has, and enough of them" {
	run nvgpuctl gen qemu "$A" --hugepages
	status_is 0
	output_has "memory-backend-memfd,id=m0,size=16384M,hugetlb=on,hugetlbsize=512M,prealloc=on,host-nodes=0"
	run nvgpuctl gen libvirt "$A" --hugepages=2M
	output_has "<hugepages><page size='2048' unit='KiB'/></hugepages>"
	output_has "node 0: the VM needs 8192 huge pages of 2M, 64 are free"
	run nvgpuctl gen cloud-hypervisor "$A" --hugepages
	output_has "id=m0,size=16384M,hugepages=on,hugepage_size=512M,host_numa_node=0"
	run nvgpuctl gen qemu "$A" --hugepages=1G
	status_is 1
	output_has "--hugepages=1G: huge pages of this kernel: 2M, 512M, 16G"
	run nvgpuctl gen qemu "$A" --hugepages --memory 800M
	status_is 1
	output_has "--memory: 800M: must be a multiple of the huge page"
	run nvgpuctl gen qemu all --memory 1M
	status_is 1
	output_has "at least one for each of 2 nodes"
	rm "$HOST/proc/meminfo"
	run nvgpuctl gen qemu "$A" --hugepages
	status_is 1
}

@test "gen --output: a file instead of the standard output" {
	run nvgpuctl gen qemu "$A"
	printf '%s\n' "$output" >"$HOST/expected"
	run nvgpuctl gen qemu "$A" --output "$HOST/vm"
	status_is 0
	[ -z "$output" ]
	cmp "$HOST/vm" "$HOST/expected"
	run nvgpuctl gen qemu "$A" --hugepages=1 --output "$HOST/vm"
	status_is 1
	cmp "$HOST/vm" "$HOST/expected"
	run nvgpuctl gen qemu "$A" --output "$HOST/no/such"
	status_is 1
	output_has "no/such: No such file"
	run nvgpuctl gen qemu "$A" --output /dev/full
	status_is 1
}

@test "gen qemu: the script is shell, and the same as the words in JSON" {
	put_disk "/a b/c.img" raw
	run nvgpuctl gen qemu "$A" --name a-vm --memory 1G --cpus 2 --disk "/a b/c.img"
	script=$output
	bash -n <<<"$script"
	words=$(words_of)
	run nvgpuctl gen qemu --json "$A" --name a-vm --memory 1G --cpus 2 --disk "/a b/c.img"
	[ "$(json '"\n".join(d["argv"][1:])')" = "$words" ]
	[ "$(json 'd["numa_nodes"]')" = 9 ]
	[ "$(json 'd["memlock"]')" = $((99 << 30)) ]
	command -v shellcheck >/dev/null || skip "no shellcheck here"
	shellcheck -e SC2054 - <<<"$script"
}

@test "gen qemu: size of the MMIO window for the BARs" {
	run nvgpuctl gen qemu "$A"
	output_lacks highmem-mmio-size
	run nvgpuctl gen qemu all
	output_has "highmem-mmio-size=1024G"
	run nvgpuctl gen qemu all --qemu-version 9.2
	status_is 1
	run nvgpuctl gen qemu "$A" --qemu-version 8.2
	status_is 1
	output_has "acpi-generic-initiator"
}

@test "gen qemu: iommufd if the host has it" {
	run nvgpuctl gen qemu "$A"
	output_lacks iommufd
	: >"$HOST/dev/iommu"
	run nvgpuctl gen qemu "$A"
	output_has "-object iommufd,id=iommufd0"
	output_has "id=dev0,iommufd=iommufd0"
	run nvgpuctl gen qemu "$A" --iommufd off
	output_lacks iommufd
	sed -i /VFIO_DEVICE_CDEV/d "$HOST/lib/modules/$RELEASE/config"
	run nvgpuctl gen qemu "$A"
	output_lacks iommufd
}

@test "gen qemu --smmu: one for each SMMU of the host" {
	run nvgpuctl gen qemu all --smmu
	status_is 1
	run nvgpuctl gen qemu all --smmu --iommufd on
	status_is 0
	output_has "pxb-pcie,id=pcie.2,bus_nr=32,bus=pcie.0"
	output_has "arm-smmuv3,primary-bus=pcie.2,id=smmuv3.2,accel=on"
	ln -sfnr "$HOST/sys/class/iommu/smmu3.0x0000000012000000" "$(gpu_dir "$B")/iommu"
	run nvgpuctl gen qemu all --smmu --iommufd on
	[ "$(grep -c arm-smmuv3 <<<"$output")" -eq 1 ]
	[ "$(grep -c 'bus=pcie.1,chassis' <<<"$output")" -eq 2 ]
	run nvgpuctl gen qemu all --smmu --iommufd on --qemu-version 10.0
	status_is 1
}

@test "gen qemu: QEMU accepts the nodes and initiators, with another device for the GPU" {
	command -v qemu-system-aarch64 >/dev/null || skip "no QEMU here"
	for gpus in "$A" all; do
		run nvgpuctl gen qemu "$gpus" --memory 256M --cpus 2
		grep -vE 'accel=kvm|-cpu host|-bios|-serial' <<<"$output" |
			sed -e 's/vfio-pci-nohotplug,host=[^,]*\(.*\),rombar=0/pci-testdev\1/; s/,host-nodes=.*//' \
				-e 's/^)/\t-machine virt,gic-version=3,highmem-mmio-size=1024G -cpu max -S -monitor stdio\n)/' >"$HOST/vm"
		run bash "$HOST/vm" <<<"quit"
		status_is 0
		output_lacks warning
	done
}

# Without KVM and Grace's SMMU there is no acceleration; all other options are unchanged.
@test "gen qemu --smmu: QEMU parses each word, and runs the rest of it" {
	command -v qemu-system-aarch64 >/dev/null || skip "no QEMU here"
	run nvgpuctl gen qemu all --smmu --iommufd on --memory 256M --cpus 2
	status_is 0
	grep -vE 'accel=kvm|-cpu host|-bios|-serial|iommufd,id=' <<<"$output" |
		sed -e 's/vfio-pci-nohotplug,host=[^,]*\(.*\),rombar=0\(.*\),iommufd=.*/pci-testdev\1\2/; s/,host-nodes=.*//' \
			-e 's/^)/\t-machine virt,gic-version=3,highmem-mmio-size=1024G -cpu max -S -monitor stdio\n)/' >"$HOST/vm"
	run bash "$HOST/vm" <<<"quit"
	status_is 1
	output_has "SMMUv3 accel=on requires KVM"
	sed -i 's/,accel=on.*//' "$HOST/vm"
	run bash "$HOST/vm" <<<"quit"
	status_is 0
}

# For the libvirt of this machine, with what that has. No KVM here: the translation asks
# QEMU what it can do. Nor a second node, nor a GPU.
@test "gen libvirt: validates, and QEMU's command line equals that of gen qemu" {
	command -v virt-xml-validate >/dev/null || skip "no libvirt here"
	options=("--iommufd off")
	if [ -e /dev/iommu ]; then
		options+=("--iommufd on" "--iommufd on --smmu")
	fi
	mkdir "$HOST/libvirt"
	for gpus in "$A" all; do
		for option in "${options[@]}"; do
			read -ra words <<<"$gpus $option --memory 4G"
			run nvgpuctl gen libvirt "${words[@]}" --libvirt-version "$(virsh --version)"
			status_is 0
			cat >"$HOST/vm.xml" <<<"$output"
			run virt-xml-validate "$HOST/vm.xml" domain
			status_is 0
			sed -i "s/type='kvm'/type='qemu'/; s/host-passthrough/maximum/; s/managed='yes'/managed='no'/; /<memnode/d; s|<numatune>|<!-- & -->|; s|</numatune>|<!-- & -->|" "$HOST/vm.xml"
			virsh -q -c "qemu:///embed?root=$HOST/libvirt" domxml-to-native qemu-argv --xml "$HOST/vm.xml" >"$HOST/argv" 2>"$HOST/error" || {
				cat "$HOST/error" >&2
				! grep -q "not supported by the host" "$HOST/error" || skip "no VFIO here, says libvirt"
				return 1
			}
			nvgpuctl gen qemu --json "${words[@]}" >"$HOST/json"
			"$BATS_TEST_DIRNAME/same-vm.py" "$HOST/argv" "$HOST/json"
		done
	done
}

@test "gen libvirt: uses native elements of newer versions" {
	run nvgpuctl gen libvirt "$A" --libvirt-version 12.8 --iommufd on --smmu
	status_is 0
	output_has "<acpi nodeset='1-8'/>"
	output_has "<driver name='vfio' model='nvgpu_vfio_pci' iommufd='yes'/>"
	output_has "<iommu model='smmuv3'><driver pciBus='1' accel='on'/></iommu>"
	output_lacks qemu:arg
	python3 -c 'import sys, xml.dom.minidom as m; m.parseString(sys.stdin.read())' <<<"$output"
	run nvgpuctl gen libvirt "$A" --libvirt-version 9.0
	status_is 1
}

@test "gen cloud-hypervisor: nodes, devices, shell" {
	run nvgpuctl gen cloud-hypervisor "$A" "$B" --host-node any
	status_is 0
	output_has "for cloud-hypervisor 54.0."
	output_has "guest_numa_id=16,device_id=gpu1"
	output_has "id=gpu0,path=/sys/bus/pci/devices/$A/"
	fits_80_columns
	command -v shellcheck >/dev/null || skip "no shellcheck here"
	shellcheck -e SC2054 - <<<"$output"
}

@test "gen cloud-hypervisor: features of its version, P2P DMA where the kernel can" {
	: >"$HOST/dev/iommu"
	run nvgpuctl gen cloud-hypervisor "$A"
	output_lacks "iommufd|vfio_p2p_dma"
	sed -i /VFIO_CONTAINER/d "$HOST/lib/modules/$RELEASE/config"
	run nvgpuctl gen cloud-hypervisor "$A"
	output_has "--platform iommufd=on,vfio_p2p_dma=off"
	fact cloud-hypervisor.version "cloud-hypervisor v51.1"
	run nvgpuctl gen cloud-hypervisor "$A"
	status_is 1
	output_has "--platform with iommufd needs cloud-hypervisor 54.0: install it, or give --cloud-hypervisor-version"
	run nvgpuctl gen cloud-hypervisor "$A" --iommufd off
	status_is 0
	run nvgpuctl gen cloud-hypervisor "$A" --iommufd off --cloud-hypervisor-version 50.0
	status_is 1
	output_has "--numa with device_id needs cloud-hypervisor 51.0"
	fact cloud-hypervisor.version
	run nvgpuctl gen cloud-hypervisor "$A"
	output_has "for cloud-hypervisor 54.0, which is assumed."
	: >"$HOST/opt-ch"
	run nvgpuctl gen cloud-hypervisor "$A" --emulator /opt-ch
	output_has "exec /opt-ch"
}

@test "gen: QEMU and firmware of other distributions, or as given, or refused" {
	run nvgpuctl gen qemu "$A" --firmware /nowhere.fd
	status_is 1
	output_has "--firmware /nowhere.fd: no such file"
	run nvgpuctl gen qemu "$A" --emulator /nowhere
	status_is 1
	rm -r "${HOST:?}"/usr/{share/AAVMF,bin}
	run nvgpuctl gen qemu "$A"
	status_is 1
	output_has "no UEFI firmware"
	mkdir -p "$HOST/usr/share/edk2/aarch64" "$HOST/usr/libexec" "$HOST/opt"
	touch "$HOST/usr/share/edk2/aarch64/QEMU_EFI.fd" "$HOST/usr/libexec/qemu-kvm" "$HOST/opt/qemu"
	run nvgpuctl gen qemu "$A"
	output_has "-bios /usr/share/edk2/aarch64/QEMU_EFI.fd"
	output_has "exec /usr/libexec/qemu-kvm"
	run nvgpuctl gen libvirt "$A" --emulator /opt/qemu --firmware /opt/qemu
	output_has "<emulator>/opt/qemu</emulator>"
	output_has "<loader type='rom'>/opt/qemu</loader>"
}

@test "gen: unknown memory, invalid values" {
	run nvgpuctl gen qemu "$A" --memory nonsense
	status_is 2
	run nvgpuctl gen nonsense "$A"
	status_is 2
	rm -r "$HOST/sys/firmware"
	run nvgpuctl gen qemu "$A"
	status_is 1
	output_has "memory is unknown"
}
