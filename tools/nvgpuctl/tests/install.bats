#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# make install: manual pages, completion, and complete removal.
# shellcheck disable=SC2154 # bats sets output and status

load common

ctl_install() {
	make -s -C "$BATS_TEST_DIRNAME/.." O="$BIN/nvgpuctl" DESTDIR="$HOST/to" prefix=/usr "$@"
}

@test "make install, make uninstall: all files, then none" {
	ctl_install install
	[ -x "$HOST/to/usr/sbin/nvgpuctl" ]
	grep -q '^ExecStart=/usr/sbin/nvgpuctl' "$HOST/to/usr/lib/systemd/system/nvgpu-bind.service"
	[ "$(find "$HOST/to" -type f | wc -l)" -eq 8 ]
	ctl_install uninstall
	[ -z "$(find "$HOST/to" -type f)" ]
}

# service KEY: a value of the service's file.
service() {
	sed -n "s/^$1=//p" "$BATS_TEST_DIRNAME/../../packaging/nvgpu-bind.service"
}

@test "service: udev asks for it, it is valid, its command binds all persisted GPUs" {
	grep -q 'SYSTEMD_WANTS}+="nvgpu-bind.service"' "$BATS_TEST_DIRNAME/../../packaging/60-nvgpu.rules"
	[ "$(service Type)" = oneshot ]
	[ "$(service TimeoutStartSec)" -gt 257 ]
	[[ $(service Before) = *nvidia-persistenced.service*libvirtd.service* ]]
	for gpu in "$A" "$B"; do
		echo nvgpu_vfio_pci >"$HOST/etc/driverctl.d/pci-$gpu"
	done
	mkdir "$HOST/slow"
	echo 1 >"$HOST/slow/nvgpu_vfio_pci"
	read -ra words <<<"$(service ExecStart)"
	# As for two GPUs: udev asks twice.
	nvgpuctl "${words[@]:1}" &
	nvgpuctl "${words[@]:1}" &
	wait -n
	wait -n
	[ "$(driver_of "$A") $(driver_of "$B")" = "nvgpu_vfio_pci nvgpu_vfio_pci" ]
	command -v systemd-analyze >/dev/null || skip "no systemd here"
	sed "s|/usr/sbin/nvgpuctl|/bin/true|" "$BATS_TEST_DIRNAME/../../packaging/nvgpu-bind.service" >"$HOST/nvgpu-bind.service"
	run systemd-analyze verify --man=no "$HOST/nvgpu-bind.service"
	status_is 0
	[ -z "$output" ]
}

@test "manual pages: no warning, every command and exit status in it" {
	for page in "$BATS_TEST_DIRNAME"/../man/*; do
		run bash -c "man --warnings -E UTF-8 -l -Tutf8 -Z '$page' 2>&1 >/dev/null"
		status_is 0
		[ -z "$output" ]
	done
	run man -E ascii -l "$BATS_TEST_DIRNAME/../man/nvgpuctl.8"
	for word in list show map bind unbind doctor gen alias report 77 --sysroot; do
		output_has "$word"
	done
}

# keys: all keys of a JSON document.
keys() {
	python3 -c '
import json, sys
def keys(x):
	pairs = x.items() if isinstance(x, dict) else ((None, v) for v in x) if isinstance(x, list) else ()
	for k, v in pairs:
		yield from [k] if k else []
		yield from keys(v)
print(*set(keys(json.load(sys.stdin))))'
}

@test "manual page: each column, each JSON key, each option, an example of each command" {
	process 99 qemu /dev/vfio/14
	page=$(MANWIDTH=200 man -E ascii -l "$BATS_TEST_DIRNAME/../man/nvgpuctl.8" | tr -s ' \n' ' ')
	examples=${page##* EXAMPLES }
	for column in $(nvgpuctl list --help | sed -n 's/^  \([A-Z]*\)  .*/\1/p'); do
		grep -qw "$column" <<<"${page#* COLUMNS Columns }"
	done
	for command in list show map doctor alias "gen qemu all" "bind $A" "unbind -n $A" "report --output $HOST/r"; do
		# shellcheck disable=SC2086 # words of a command
		run nvgpuctl --json $command
		for key in $(keys <<<"$output"); do
			grep -qw -- "$key" <<<"${page##* JSON What }" || { echo "$command: $key" >&2; return 1; }
		done
		grep -qF "nvgpuctl ${command%% *}" <<<"$examples"
		for option in $(nvgpuctl "${command%% *}" --help | grep -oE '^  (-n, )?--[a-z-]+|, --[a-z-]+-version' | grep -o -- '--.*'); do
			grep -qF -- "$option" <<<"$page" || { echo "$command: $option" >&2; return 1; }
		done
	done
}

# complete WORD...: bash completions of the last one.
complete_words() {
	bash -c '. "$0"; nvgpuctl() { "$BIN/nvgpuctl-test" --sysroot "$HOST" "$@"; }
		COMP_LINE=$*; COMP_POINT=${#COMP_LINE}; _nvgpuctl; printf "%s\n" "${COMPREPLY[@]}"' \
		"$BATS_TEST_DIRNAME/../completion/nvgpuctl.bash" "$@"
}

@test "bash completion: commands, options, columns, GPUs" {
	export HOST
	run complete_words nvgpuctl l
	[ "$output" = list ]
	run complete_words nvgpuctl bind --per
	[ "$output" = "--persist
--persisted" ]
	run complete_words nvgpuctl list -o reset
	[ "$output" = resets ]
	run complete_words nvgpuctl bind 0019
	[ "$output" = "$B" ]
	run complete_words nvgpuctl gen q
	[ "$output" = qemu ]
}

@test "bash completion knows every option of the program" {
	for command in list show map bind unbind doctor gen report; do
		run nvgpuctl $command --help
		grep -oE '^  --[a-z-]+' <<<"$output" | sort -u >"$HOST/options"
		while read -r option; do
			complete_words nvgpuctl $command "$option" | grep -qx -- "$option" || {
				echo "$command $option" >&2
				return 1
			}
		done <"$HOST/options"
	done
}

# typed SHELL LINE...: arguments of each nvgpuctl that is typed at a terminal, \t is Tab.
typed() {
	mkdir -p "$HOST/path"
	cat >"$HOST/path/nvgpuctl" <<-'END'
		#!/bin/sh
		[ "$1" != list ] || [ "$2" = -o ] || exec "$BIN/nvgpuctl-test" --sysroot "$HOST" "$@"
		printf '<%s>' "$*"
	END
	chmod +x "$HOST/path/nvgpuctl"
	PATH=$HOST/path:$PATH TERM=dumb python3 - "$@" <<-'END'
		import os, pty, re, signal, sys
		seen = b""
		def read_until(pattern):
		    global seen
		    while not (found := re.search(pattern, seen)):
		        seen += os.read(terminal, 4096)
		    seen = seen[found.end():]
		    return found.group(1).decode()
		signal.alarm(300)
		pid, terminal = pty.fork()
		if pid == 0:
		    os.execvp("sh", ["sh", "-c", sys.argv[1]])
		for line in sys.argv[2:]:
		    read_until(b"(prompt:)")
		    os.write(terminal, line.replace("\\t", "\t").encode() + b"\r")
		    print(read_until(b"<([^>]*)>"))
	END
}

# completes_in SHELL: at a terminal, an address as a whole, lists of columns, files.
completes_in() {
	export HOST
	diff - <(typed "$1" 'nvgpuctl bi\t0009\t' 'nvgpuctl bind 0009:01:00.0 0019:0\t' \
		'nvgpuctl unbind --wait 5 0019:\t0009:01:0\t' 'nvgpuctl gen q\t001\t' \
		'nvgpuctl list -o bdf,dr\t' "nvgpuctl gen qemu --disk $HOST/dev/km\\t") <<-END
		bind $A
		bind $A $B
		unbind --wait 5 $B $A
		gen qemu $B
		list -o bdf,driver
		gen qemu --disk $HOST/dev/kmsg
	END
}

@test "bash completion at a terminal: whole addresses, columns, files" {
	printf '. "%s"\nPS1=prompt:\n' "$BATS_TEST_DIRNAME/../completion/nvgpuctl.bash" >"$HOST/bashrc"
	completes_in "exec bash --noprofile --rcfile '$HOST/bashrc' -i"
}

@test "zsh completion at a terminal: whole addresses, columns, files" {
	command -v zsh >/dev/null || skip "no zsh here"
	# shellcheck disable=SC2016 # zsh expands it
	printf 'fpath=("%s" $fpath)\nautoload -U compinit && compinit -u -D\nPS1=prompt:\n' \
		"$BATS_TEST_DIRNAME/../completion" >"$HOST/.zshrc"
	completes_in "ZDOTDIR='$HOST' exec zsh -d -i"
}

@test "zsh completion is valid, and taken for nvgpuctl" {
	command -v zsh >/dev/null || skip "no zsh here"
	zsh -n "$BATS_TEST_DIRNAME/../completion/_nvgpuctl"
	# shellcheck disable=SC2016 # zsh expands it
	run zsh -fc 'fpath=("$0" $fpath); autoload -U compinit; compinit -u -D; print $_comps[nvgpuctl]' \
		"$BATS_TEST_DIRNAME/../completion"
	[ "$output" = _nvgpuctl ]
}

@test "sos plugin: syntax, and existing commands" {
	python3 -m py_compile "$BATS_TEST_DIRNAME/../../packaging/sos_nvgpu.py"
	grep -oE '"nvgpuctl [a-z]+' "$BATS_TEST_DIRNAME/../../packaging/sos_nvgpu.py" | cut -d' ' -f2 >"$HOST/commands"
	[ -s "$HOST/commands" ]
	while read -r command; do
		run nvgpuctl "$command" --help
		status_is 0
	done <"$HOST/commands"
	rm -rf "$BATS_TEST_DIRNAME/../../packaging/__pycache__"
}
