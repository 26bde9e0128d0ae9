#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# bind and unbind: their effects, and that a change is all or nothing.
# shellcheck disable=SC2154 # bats sets output and status

load common

# before and after a command that must fail, all is the same
unchanged_by() {
	local before

	before=$(state)
	run "$@"
	[ "$(state)" = "$before" ] || {
		printf 'before:\n%s\nafter:\n%s\noutput:\n%s\n' "$before" "$(state)" "$output" >&2
		return 1
	}
}

on_nvidia() {
	bound_to "$A" nvidia
	bound_to "$B" nvidia
	echo nvidia >"$HOST/default"
}

@test "bind: from no driver, from nvidia, twice" {
	bound_to "$B" nvidia
	run nvgpuctl bind all
	status_is 0
	[ "$(driver_of "$A")" = nvgpu_vfio_pci ]
	[ "$(driver_of "$B")" = nvgpu_vfio_pci ]
	output_has "$B: nvgpu_vfio_pci, was nvidia"
	run nvgpuctl bind all
	status_is 0
	[ ! -e "$HOST/run/nvgpuctl/journal" ]
}

@test "unbind: the driver that the kernel chooses, or none" {
	on_nvidia
	nvgpuctl -q bind all
	run nvgpuctl unbind "$A"
	status_is 0
	[ "$(driver_of "$A")" = nvidia ]
	[ "$(cat "$(gpu_dir "$A")/driver_override")" = "(null)" ]
	run nvgpuctl unbind --none "$B"
	status_is 0
	[ -z "$(driver_of "$B")" ]
}

@test "bind: an unknown id, by its address" {
	is_device "$A" 3fff
	run nvgpuctl bind "$A"
	status_is 0
	[ "$(driver_of "$A")" = nvgpu_vfio_pci ]
}

@test "--dry-run: prints each write, makes none" {
	on_nvidia
	unchanged_by nvgpuctl -n bind --persist "$A"
	status_is 0
	output_has "write \"nvgpu_vfio_pci\" to /sys/bus/pci/devices/$A/driver_override"
	output_has "write \"$A\" to /sys/bus/pci/drivers/nvidia/unbind"
	output_has "write \"$A\" to /sys/bus/pci/drivers/nvgpu_vfio_pci/bind"
	output_has "replace \"nvgpu_vfio_pci\" to /etc/driverctl.d/pci-$A"
	[ ! -e "$HOST/run/nvgpuctl" ]
}

@test "--json: all steps" {
	run nvgpuctl --json bind "$A"
	status_is 0
	[ "$(json 'd["schema"]')" = nvgpu.change/1 ]
	[ "$(json 'd["gpus"][0]["driver"]')" = nvgpu_vfio_pci ]
	[ "$(json '[s["do"] for s in d["steps"]]')" = "['replace', 'write', 'write', 'remove']" ]
}

@test "--persist: driverctl reads the file" {
	run nvgpuctl bind --persist "$A"
	status_is 0
	[ "$(cat "$HOST/etc/driverctl.d/pci-$A")" = nvgpu_vfio_pci ]
	[ "$(ls -A "$HOST/etc/driverctl.d")" = "pci-$A" ]
	if command -v driverctl >/dev/null; then
		cp "$HOST/etc/driverctl.d/pci-$A" /etc/driverctl.d/
		driverctl list-persisted | grep -q "$A nvgpu_vfio_pci"
		rm "/etc/driverctl.d/pci-$A"
	fi
	run nvgpuctl unbind --persist "$A"
	status_is 0
	[ ! -e "$HOST/etc/driverctl.d/pci-$A" ]
}

@test "--persisted: the driver in the file, as udev does at boot" {
	echo nvgpu_vfio_pci >"$HOST/etc/driverctl.d/pci-$A"
	run nvgpuctl bind --persisted "$A"
	status_is 0
	[ "$(driver_of "$A")" = nvgpu_vfio_pci ]
	unchanged_by nvgpuctl bind --persisted "$B"
	status_is 1
	output_has "has no valid driver name"
}

@test "busy: another function makes the group not viable, by name" {
	on_nvidia
	ln -sfnr "$HOST/sys/bus/pci/drivers/nvidia" "$(gpu_dir 0009:00:00.0)/driver"
	unchanged_by nvgpuctl bind all
	status_is 5
	output_has "group 14 is not viable while 0009:00:00.0 is bound to nvidia"
	[ "${#lines[@]}" -eq 1 ]
}

@test "busy: a process holds the GPU, by file and by mapping" {
	on_nvidia
	process 4711 nvidia-smi /dev/null /dev/nvidia0
	unchanged_by nvgpuctl bind "$A"
	status_is 5
	output_has "in use by nvidia-smi (process 4711, /dev/nvidia0)"
	process 4711 nvidia-smi
	rm "$HOST/proc/4711/fd"/*
	echo "7f00-7f10 rw-s 00000000 00:05 77 /dev/nvidiactl" >"$HOST/proc/4711/maps"
	unchanged_by nvgpuctl bind "$A"
	status_is 5
}

@test "busy: a VM holds the GPU" {
	nvgpuctl -q bind "$A"
	process 99 qemu-system-aar /dev/vfio/14
	unchanged_by nvgpuctl unbind "$A"
	status_is 5
	output_has "in use by qemu-system-aar"
	process 99 qemu-system-aar /dev/vfio/15
	run nvgpuctl unbind "$A"
	status_is 0
}

@test "busy: another nvgpuctl is running" {
	mkdir -p "$HOST/run/nvgpuctl"
	flock "$HOST/run/nvgpuctl/.lock" sleep 5 &
	sleep 0.5
	unchanged_by nvgpuctl bind "$A"
	kill $!
	status_is 5
	output_has "another nvgpuctl"
}

@test "no IOMMU group: refused" {
	rm "$(gpu_dir "$A")/iommu_group"
	unchanged_by nvgpuctl bind "$A"
	status_is 5
	output_has "no IOMMU group"
}

@test "no such driver: refused, nothing changed" {
	rm -r "$HOST/sys/bus/pci/drivers/nvgpu_vfio_pci"
	unchanged_by nvgpuctl bind "$A"
	status_is 1
	output_has "no driver nvgpu_vfio_pci"
	unchanged_by nvgpuctl bind --driver "../x" "$A"
	status_is 2
}

@test "failed probe: all GPUs are restored, one line with the kernel's reason" {
	on_nvidia
	mkdir "$HOST/refuse"
	echo "16 memory 0x42-0x43 overlaps System RAM: unbind the driver that onlined it" \
		>"$HOST/refuse/nvgpu_vfio_pci"
	unchanged_by nvgpuctl bind --persist "$A" "$B"
	status_is 1
	[ "${#lines[@]}" -eq 1 ]
	output_has "$A: not changed to nvgpu_vfio_pci (EBUSY): memory 0x42-0x43 overlaps System RAM"
	output_has "; bound to nvidia"
}

@test "failed probe: driver_override is restored" {
	echo vfio-pci >"$(gpu_dir "$A")/driver_override"
	mkdir "$HOST/refuse"
	echo "22 base must be a multiple of the page size" >"$HOST/refuse/nvgpu_vfio_pci"
	unchanged_by nvgpuctl bind "$A"
	status_is 1
	output_has "(EINVAL)"
}

# changes_of COMMAND...: prints the number of files that it changes.
changes_of() {
	cp -a "$HOST" "$HOST.count"
	local n=1

	while FAKE_KILL=$n "$BIN/nvgpuctl-test" --sysroot "$HOST.count" "$@" 2>&1 |
		grep -q "interrupted by signal"; do
		n=$((n + 1))
		rm -rf "$HOST.count"
		cp -a "$HOST" "$HOST.count"
	done
	rm -rf "$HOST.count"
	echo $((n - 1))
}

@test "killed after each write: the parent undoes the change" {
	on_nvidia
	echo nvidia >"$HOST/etc/driverctl.d/pci-$B"
	n=$(changes_of bind --persist all)
	[ "$n" -ge 13 ]
	# After the last change the command has succeeded.
	for i in $(seq $((n - 1))); do
		FAKE_KILL=$i unchanged_by nvgpuctl bind --persist all
		status_is 1
		output_has "interrupted by signal 9"
		output_has "$A is bound to nvidia"
		[ "${#lines[@]}" -eq 1 ]
	done
	FAKE_KILL=$n run nvgpuctl bind --persist all
	output_has "$A is bound to nvgpu_vfio_pci"
	[ "$(driver_of "$B")" = nvgpu_vfio_pci ]
}

@test "killed with its parent after each write: the next nvgpuctl undoes the change" {
	on_nvidia
	n=$(changes_of bind --persist all)
	before=$(state)
	for i in $(seq $((n - 1))); do
		cp -a "$HOST" "$HOST.now"
		FAKE_KILL=$i FAKE_KILL_ALL=1 "$BIN/nvgpuctl-test" --sysroot "$HOST.now" bind --persist all 2>/dev/null || true
		HOST=$HOST.now run nvgpuctl unbind --none "$A"
		HOST=$HOST.now nvgpuctl -q bind --driver nvidia "$A"
		echo '(null)' >"$HOST.now/sys/bus/pci/devices/$A/driver_override"
		[ "$(HOST=$HOST.now state)" = "$before" ] || {
			printf 'after write %s:\n%s\n' "$i" "$(HOST=$HOST.now state)" >&2
			return 1
		}
		rm -rf "$HOST.now"
	done
}

@test "killed in unbind after each write: the change is undone" {
	on_nvidia
	nvgpuctl -q bind --persist "$A"
	n=$(changes_of unbind --persist "$A")
	[ "$n" -ge 6 ]
	for i in $(seq $((n - 1))); do
		FAKE_KILL=$i unchanged_by nvgpuctl unbind --persist "$A"
		status_is 1
	done
}

@test "power failure: the next boot has the old drivers or the new ones" {
	on_nvidia
	n=$(changes_of bind --persist "$A")
	for i in $(seq "$n"); do
		cp -a "$HOST" "$HOST.now"
		FAKE_KILL=$i FAKE_KILL_ALL=1 "$BIN/nvgpuctl-test" --sysroot "$HOST.now" bind --persist "$A" 2>/dev/null || true
		# /sys and /run forget; a hidden file is none of driverctl's.
		persisted=$(find "$HOST.now/etc/driverctl.d" -type f ! -name '.*' -exec cat {} +)
		[ -z "$persisted" ] || [ "$persisted" = nvgpu_vfio_pci ]
		if [ "$persisted" = nvgpu_vfio_pci ]; then
			[ "$(HOST=$HOST.now driver_of "$A")" = nvgpu_vfio_pci ]
		fi
		rm -rf "$HOST.now"
	done
}

@test "each write fails once: the change is undone, one line" {
	on_nvidia
	n=$(changes_of bind --persist all)
	for i in $(seq $((n - 1))); do
		FAKE_FAIL=$i:5 unchanged_by nvgpuctl bind --persist all
		status_is 1
		[ "${#lines[@]}" -eq 1 ]
		output_has "(EIO)"
	done
}

@test "not permitted is 4" {
	FAKE_FAIL=3:13 unchanged_by nvgpuctl bind "$A"
	status_is 4
}
