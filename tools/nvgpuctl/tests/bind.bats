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
	[ ! -e "$HOST/run/nvgpuctl.lock" ]
}

@test "--json: all steps" {
	run nvgpuctl --json bind "$A"
	status_is 0
	[ "$(json 'd["schema"]')" = nvgpu.change/1 ]
	[ "$(json 'd["gpus"][0]["driver"]')" = nvgpu_vfio_pci ]
	[ "$(json '[s["do"] for s in d["steps"]]')" = "['write', 'write']" ]
}

@test "--persist: a file of driverctl, and none after unbind" {
	run nvgpuctl bind --persist "$A"
	status_is 0
	[ "$(cat "$HOST/etc/driverctl.d/pci-$A")" = nvgpu_vfio_pci ]
	[ "$(ls -A "$HOST/etc/driverctl.d")" = "pci-$A" ]
	run nvgpuctl unbind --persist "$A"
	status_is 0
	[ ! -e "$HOST/etc/driverctl.d/pci-$A" ]
}

# A copy of driverctl, as the directory is fixed in it and the machine's is not ours.
@test "--persist: driverctl reads the file" {
	driverctl=$(command -v driverctl) || skip "no driverctl here"
	grep -q list-persisted "$driverctl" || skip "this driverctl has no list-persisted"
	sed "s|^confdir=.*|confdir=$HOST/etc/driverctl.d|" "$driverctl" >"$HOST/driverctl"
	nvgpuctl -q bind --persist "$A"
	run bash "$HOST/driverctl" list-persisted
	status_is 0
	[ "$output" = "$A nvgpu_vfio_pci" ]
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

@test "--persisted without GPU: each of them, also if another one fails" {
	on_nvidia
	echo no_such_driver >"$HOST/etc/driverctl.d/pci-$A"
	echo nvgpu_vfio_pci >"$HOST/etc/driverctl.d/pci-$B"
	run nvgpuctl bind --persisted
	status_is 1
	output_has "no driver no_such_driver"
	[ "$(driver_of "$A") $(driver_of "$B")" = "nvidia nvgpu_vfio_pci" ]
	echo nvgpu_vfio_pci >"$HOST/etc/driverctl.d/pci-$A"
	process 4711 python3 /dev/nvidia0
	bound_to "$B" nvidia
	run nvgpuctl bind --persisted
	status_is 5
	rm -r "$HOST/proc/4711"
	run nvgpuctl bind --persisted
	status_is 0
	[ "$(driver_of "$A") $(driver_of "$B")" = "nvgpu_vfio_pci nvgpu_vfio_pci" ]
	rm "$HOST/etc/driverctl.d"/*
	unchanged_by nvgpuctl bind --persisted
	status_is 0
}

@test "busy: another function makes the group not viable, by name" {
	on_nvidia
	ln -sfnr "$HOST/sys/bus/pci/drivers/nvidia" "$(gpu_dir 0009:00:00.0)/driver"
	unchanged_by nvgpuctl bind all
	status_is 5
	output_has "group 14 is not viable while 0009:00:00.0 is bound to nvidia"
	[ "${#lines[@]}" -eq 1 ]
}

# minor BDF NUMBER: the number of its /dev/nvidiaN, as the NVIDIA driver says.
minor() {
	local dir=$HOST/proc/driver/nvidia/gpus/$1

	mkdir -p "$dir"
	printf 'Model: \t\t NVIDIA GH200\nDevice Minor: \t %s\n' "$2" >"$dir/information"
}

@test "busy: a process holds the GPU, by file and by mapping" {
	on_nvidia
	process 4711 nvidia-smi /dev/null /dev/nvidia0
	unchanged_by nvgpuctl bind "$A"
	status_is 5
	output_has "in use by nvidia-smi (process 4711, /dev/nvidia0)"
	process 4711 nvidia-smi
	rm "$HOST/proc/4711/fd"/*
	echo "7f00-7f10 rw-s 00000000 00:05 77 /dev/nvidia1" >"$HOST/proc/4711/maps"
	unchanged_by nvgpuctl bind "$A"
	status_is 5
}

@test "busy: only the GPU that the process holds, also by another path to it" {
	on_nvidia
	minor "$A" 0
	minor "$B" 10
	process 4711 python3 /dev/nvidiactl /run/nvidia/driver/dev/nvidia10
	unchanged_by nvgpuctl bind "$B"
	status_is 5
	output_has "/run/nvidia/driver/dev/nvidia10"
	run nvgpuctl doctor --json
	[ "$(json '[f["gpu"] for f in d["findings"] if f["check"] == "driver.users" and f["verdict"] == "FAIL"]')" = "['$B']" ]
	run nvgpuctl bind "$A"
	status_is 0
}

@test "busy: a device file is known by its number, not by its name" {
	bound_to "$A" nvgpu_vfio_pci
	mkdir -p "$HOST/sys/class/vfio/14"
	stat -c '%Hr:%Lr' /dev/zero >"$HOST/sys/class/vfio/14/dev"
	process 99 qemu-system-aar /dev/zero
	unchanged_by nvgpuctl unbind "$A"
	status_is 5
	rm "$HOST/proc/99/fd"/*
	mkdir "$HOST/proc/99/map_files"
	ln -s /dev/zero "$HOST/proc/99/map_files/7f00-7f10"
	echo "7f00-7f10 rw-s 00000000 00:05 77 /anything" >"$HOST/proc/99/maps"
	unchanged_by nvgpuctl unbind "$A"
	status_is 5
	ln -sfn /dev/full "$HOST/proc/99/map_files/7f00-7f10"
	run nvgpuctl unbind "$A"
	status_is 0
}

@test "bind: - and _ are one in names of drivers" {
	mkdir -p "$HOST/sys/bus/pci/drivers/vfio-pci"
	: >"$HOST/sys/bus/pci/drivers/vfio-pci/bind"
	: >"$HOST/sys/bus/pci/drivers/vfio-pci/unbind"
	run nvgpuctl bind --persist --driver nvgpu-vfio-pci "$A"
	status_is 0
	[ "$(driver_of "$A")" = nvgpu_vfio_pci ]
	echo vfio_pci >"$HOST/etc/driverctl.d/pci-$B"
	run nvgpuctl bind --persisted "$B"
	status_is 0
	[ "$(cat "$(gpu_dir "$B")/driver_override")" = vfio-pci ]
	run nvgpuctl doctor -q
	output_lacks "^(WARN|FAIL)  driver.persisted"
}

@test "an address without domain: any domain; to bind it must be one GPU's" {
	run nvgpuctl list --noheadings -o bdf 01:00.0
	[ "${#lines[@]}" -eq 2 ]
	unchanged_by nvgpuctl bind 01:00.0
	status_is 2
	output_has "01:00.0 is ambiguous, give one of 0009:01:00.0 0019:01:00.0"
	rm "$HOST/sys/bus/pci/devices/$B"
	run nvgpuctl bind 01:00.0
	status_is 0
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

# locked COMMAND...: while another process holds the lock of driver changes.
locked() {
	python3 -c 'import fcntl, subprocess, sys
lock = open(sys.argv[1], "w")
fcntl.lockf(lock, fcntl.LOCK_EX)
sys.exit(subprocess.call(sys.argv[2:]))' "$HOST/run/nvgpuctl.lock" \
		"$BIN/nvgpuctl-test" --sysroot "$HOST" "$@"
}

@test "busy: waits for another nvgpuctl, says so, until --wait" {
	unchanged_by locked bind --wait 6 "$A"
	status_is 5
	output_has "waiting up to 6 s (--wait) for another nvgpuctl"
	output_has "took longer than --wait"
	run nvgpuctl bind --wait nonsense "$A"
	status_is 2
}

@test "two at once: both GPUs are bound" {
	mkdir "$HOST/slow"
	echo 1 >"$HOST/slow/nvgpu_vfio_pci"
	nvgpuctl -q bind "$A" &
	nvgpuctl -q bind "$B" &
	wait -n
	wait -n
	[ "$(driver_of "$A")" = nvgpu_vfio_pci ]
	[ "$(driver_of "$B")" = nvgpu_vfio_pci ]
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

# interrupt SIGNAL COMMAND...: run, with that signal once it says that it waits.
interrupt() {
	"$BIN/nvgpuctl-test" --sysroot "$HOST" "${@:2}" >"$HOST.log" 2>&1 &
	for _ in {1..300}; do
		! grep -q waiting "$HOST.log" || break
		sleep 0.1
	done
	kill -"$1" $!
	status=0
	wait $! || status=$?
	output=$(cat "$HOST.log")
}

@test "a signal ends a wait, and the change is undone" {
	on_nvidia
	mkdir "$HOST/slow"
	echo 60 >"$HOST/slow/nvgpu_vfio_pci"
	for signal in INT TERM; do
		before=$(state)
		interrupt "$signal" bind --persist all
		status_is 1
		[ "$(state)" = "$before" ]
		output_has "waiting up to 300 s (--wait) for the kernel: write \"$A\" to /sys/bus/pci/drivers/nvgpu_vfio_pci/bind"
		output_has "$A: not changed to nvgpu_vfio_pci (EINTR): interrupted; bound to nvidia"
		[ "$(wc -l <"$HOST.log")" -eq 2 ]
	done
}

@test "--wait bounds each step; what the kernel holds is left alone" {
	on_nvidia
	mkdir "$HOST/slow"
	echo 60 >"$HOST/slow/nvgpu_vfio_pci"
	unchanged_by nvgpuctl bind --wait 2 all
	status_is 1
	output_has "(ECANCELED): took longer than --wait; bound to nvidia"
	rm "$HOST/slow/nvgpu_vfio_pci"
	echo 10 >"$HOST/slow/nvidia"
	FAKE_IMMORTAL=1 run nvgpuctl bind --wait 2 "$A"
	status_is 6
	output_has "the kernel does not return from it, see dmesg; left to the kernel"
	# The lock is free again.
	run nvgpuctl bind --wait 1 --driver nvgrace_gpu_vfio_pci "$B"
	output_lacks "another nvgpuctl"
}

@test "the old driver is gone: no driver, one line, and other GPUs can be bound" {
	on_nvidia
	mkdir "$HOST/refuse"
	echo "16 overlaps System RAM" >"$HOST/refuse/nvgpu_vfio_pci"
	echo "19 is going away" >"$HOST/refuse/nvidia"
	run nvgpuctl bind "$A"
	status_is 6
	[ "${#lines[@]}" -eq 1 ]
	output_has "$A: not changed to nvgpu_vfio_pci (EBUSY): overlaps System RAM; cannot be bound to nvidia again (ENODEV), bound to no driver"
	rm -r "$HOST/refuse/nvgpu_vfio_pci" "$HOST/sys/bus/pci/drivers/nvidia"
	bound_to "$B" nvgrace_gpu_vfio_pci
	run nvgpuctl bind "$B"
	status_is 0
	[ "$(driver_of "$B")" = nvgpu_vfio_pci ]
	run nvgpuctl unbind --none "$A"
	status_is 0
}

# comes_to BDF DRIVER: it has that driver within half a minute.
comes_to() {
	for _ in {1..300}; do
		[ "$(driver_of "$1")" != "$2" ] || return 0
		sleep 0.1
	done
	return 1
}

@test "killed: the next nvgpuctl takes the GPU as it is" {
	on_nvidia
	mkdir "$HOST/slow"
	echo 5 >"$HOST/slow/nvgpu_vfio_pci"
	"$BIN/nvgpuctl-test" --sysroot "$HOST" bind "$A" >/dev/null 2>&1 3>&- &
	comes_to "$A" ""
	kill -KILL $!
	wait $! || true
	[ -z "$(driver_of "$A")" ]
	comes_to "$A" nvgpu_vfio_pci
	rm -r "$HOST/slow"
	process 99 qemu-system-aar /dev/vfio/14
	run nvgpuctl bind "$B"
	status_is 0
	[ "$(driver_of "$A")" = nvgpu_vfio_pci ]
}

@test "none: driverctl's word, both ways" {
	on_nvidia
	run nvgpuctl unbind --none --persist "$A"
	status_is 0
	[ -z "$(driver_of "$A")" ]
	[ "$(cat "$(gpu_dir "$A")/driver_override")" = none ]
	[ "$(cat "$HOST/etc/driverctl.d/pci-$A")" = none ]
	echo none >"$HOST/etc/driverctl.d/pci-$B"
	run nvgpuctl bind --persisted "$B"
	status_is 0
	[ -z "$(driver_of "$B")" ]
	run nvgpuctl bind --driver none "$B"
	status_is 0
	run nvgpuctl unbind --persist all
	status_is 0
	[ "$(driver_of "$A")" = nvidia ]
	[ -z "$(ls "$HOST/etc/driverctl.d")" ]
}

# writes_of COMMAND...: number of files that it changes.
writes_of() {
	cp -a "$HOST" "$HOST.count"
	"$BIN/nvgpuctl-test" --sysroot "$HOST.count" --json "$@" >"$HOST.json"
	rm -rf "$HOST.count"
	python3 -c 'import json, sys; print(len(json.load(sys.stdin)["steps"]))' <"$HOST.json"
}

@test "each write fails once: the change is undone, one line" {
	on_nvidia
	n=$(writes_of bind --persist all)
	[ "$n" -eq 8 ]
	for i in $(seq "$n"); do
		FAKE_FAIL=$i:5 unchanged_by nvgpuctl bind --persist all
		status_is 1
		[ "${#lines[@]}" -eq 1 ]
		output_has "(EIO)"
	done
}

@test "not permitted is 4" {
	FAKE_FAIL=2:13 unchanged_by nvgpuctl bind "$A"
	status_is 4
}
