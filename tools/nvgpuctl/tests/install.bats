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
	grep -q 'RUN+="/usr/sbin/nvgpuctl' "$HOST/to/usr/lib/udev/rules.d/60-nvgpu.rules"
	[ "$(find "$HOST/to" -type f | wc -l)" -eq 7 ]
	ctl_install uninstall
	[ -z "$(find "$HOST/to" -type f)" ]
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

# complete WORD...: bash completions of the last one.
complete_words() {
	bash -c '. "$0"; nvgpuctl() { "$BIN/nvgpuctl-test" --sysroot "$HOST" "$@"; }
		COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nvgpuctl; printf "%s\n" "${COMPREPLY[@]}"' \
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
	for command in list map bind unbind doctor gen report; do
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
