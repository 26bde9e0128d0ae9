# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks that need no host: warnings, sparse, checkpatch, kernel-doc, shellcheck, the model.
# They work on the copy of the checkout, so that they see what was built.

# static_check TITLE COMMAND...: the command prints what is wrong and nothing else.
static_check() {
	local title=$1 log=$LAB_RUN/static-${1//[^a-zA-Z0-9]/-}.log begin=$SECONDS

	shift
	if "$@" >"$log" 2>&1 && [ ! -s "$log" ]; then
		printf 'ok - %s (%s)\n' "$title" "$(elapsed $((SECONDS - begin)))"
		return
	fi
	printf 'not ok - %s\n' "$title"
	head -n 20 "$log" | sed 's/^/    /'
	printf '    %s lines: %s\n' "$(wc -l <"$log")" "$log"
}

# static_lane COMMAND...: its results are those of this run.
static_lane() {
	"$@" | tee -a "$LAB_RUN/output.log"
}

# static_summary NUMBER: so many results there must be; one that is missing has failed.
static_summary() {
	printf '1..%d\n' "$1" >>"$LAB_RUN/output.log"
	results flat "$LAB_RUN/output.log"
}

# clean_build KERNEL DIRECTORY LABEL [MAKE ARGUMENT...]: a build from nothing, since make
# is silent about what was already built; prints its warnings.
clean_build() {
	local kernel=$1 dir=$2 tree=$LAB_RUN/tree-$1-$3 log=$LAB_RUN/build-$1-$3.log

	shift 3
	rm -rf "$tree"
	cp -a "$LAB_SOURCE" "$tree"
	module_make "$kernel" "$tree/$dir" W=1 C=2 CF="-include $(inside "$tree")/tools/lab/sparse.h" \
		"$@" modules >"$log" 2>&1 || echo "make failed"
	rm -rf "$tree"
	grep -E 'warning:|error:|WARNING:|ERROR:|\*\*\*|not available' "$log" || true
}

# Source files of the checkout whose names match the pattern, as the chroot sees them.
checkout_files() {
	(cd "$LAB_SOURCE" && find . -type f ! -name '.checkpatch-*' -printf '%P\n' | grep -E "$1" | sort)
}

# Nothing but a file's text and name, and the checkpatch of the prepared source, decides
# about the file, and a run over all takes a minute: what has passed does so again.
check_patch() {
	local passed=$LAB_STATE/checkpatch-${LAB_LINUX##*/} all=$LAB_RUN/checkpatch-all

	checkout_files '(\.[ch]|(^|/)(Kbuild|Kconfig|Makefile)|\.mk)$' |
		(cd "$LAB_SOURCE" && xargs sha256sum) >"$all"
	touch "$passed"
	{ grep -vxFf "$passed" "$all" || true; } | cut -c67- |
		in_tools_at "$LAB_SOURCE" xargs -r perl "$(inside "$LAB_LINUX")/scripts/checkpatch.pl" \
			--no-tree --root="$(inside "$LAB_LINUX")" --strict --terse --no-summary -f || return
	mv -f "$all" "$passed"
}

# Whose messages are checked: commits from the day on that they are, since history stays
# as it is; of those the last, so that one that got through does not fail for ever.
LAB_COMMITS=(--since=2026-12-01T00:00:00Z --max-count=20 --no-merges)

# check_commits RANGE...: the messages; what the commits change is in the files that
# check_patch reads. Ignored: sign-offs, which the series for the lists gets when it is
# made (tools/upstream/series); that there is no diff; and subjects that name checkpatch,
# which may be what they are about.
check_commits() {
	local dir=$LAB_RUN/commits commit

	mkdir -p "$dir"
	for commit in $(checkout_git "$LAB_TOP" log --format=%h "$@"); do
		checkout_git "$LAB_TOP" log -1 --format='Subject: [PATCH] %s%n%n%b---' \
			"$commit" >"$dir/$commit"
	done
	(cd "$dir" && find . -type f -printf '%P\n') |
		in_tools_at "$dir" xargs -r perl "$(inside "$LAB_LINUX")/scripts/checkpatch.pl" \
			--no-tree --root="$(inside "$LAB_LINUX")" --strict --terse --no-summary \
			--ignore MISSING_SIGN_OFF,NOT_UNIFIED_DIFF,EMAIL_SUBJECT
}

# checkpatch's own --codespell takes ten times as long as all its other checks.
check_spelling() {
	checkout_files . | grep -v '^COPYING$' |
		in_tools_at "$LAB_SOURCE" xargs codespell --ignore-words-list=aer,hda,inout,sme
}

# kernel-doc of what others call: the driver, the simulator and the uAPI.
check_kernel_doc() {
	checkout_files '^([^/]*|tools/(sim|upstream/include)/.*)\.[ch]$' |
		in_tools_at "$LAB_SOURCE" xargs python3 "$(inside "$LAB_LINUX")/tools/docs/kernel-doc" -none -Wall -Werror
}

# Programs, and with them what they source.
check_shell() {
	checkout_files . |
		in_tools_at "$LAB_SOURCE" xargs grep -lE -m1 '^#!(/bin/(ba)?sh|/usr/bin/env bats)' |
		in_tools_at "$LAB_SOURCE" xargs shellcheck -x -a -f gcc | sort -u
}

# Each file says its licence in its first two lines, but for texts without comments.
check_licence() {
	local file

	checkout_files . | grep -vE '^(COPYING|(.*/)?(CONTRIBUTING|COMPARISON|README)|tools/upstream/reports/.*|MAINTAINERS\.snippet|tools/upstream/Documentation/.*|tools/upstream/patches/.*|tools/packaging/debian/(changelog|copyright|source/format|.*\.README\.Debian))$' |
		while read -r file; do
			head -n 2 "$LAB_SOURCE/$file" | grep -q 'SPDX-License-Identifier: ' ||
				echo "$file: no SPDX line at its top"
		done
}

# The fuzzer finds what is wrong with pretended devices, and nothing else.
check_fuzzer() {
	local log=$LAB_RUN/fuzzer.log

	in_tools make -C "$(inside "$LAB_SOURCE/tools/test/fuzz")" O="$(inside "$LAB_RUN/fuzzer")" \
		KSELFTEST="$(inside "$LAB_LINUX")/tools/testing/selftests" check >"$log" 2>&1 ||
		grep -E '^not ok|Expected|error:|\*\*\*' "$log"
	rm -rf "$LAB_RUN/fuzzer"
}

# The protocol of the driver, and that the checks of it see defects.
check_model() {
	local log=$LAB_RUN/model.log

	in_tools env PATH="$(inside "$(product_dir herd)")/bin:/usr/bin:/bin" \
		"$(inside "$LAB_SOURCE")/tools/test/model/run-model" \
		"$(inside "$LAB_LINUX")/tools/memory-model" >"$log" 2>&1 ||
		grep -vE '^(ok |1\.\.)' "$log"
}

# Macros that a block follows.
block_macros() {
	checkout_files '\.[ch]$' |
		(cd "$LAB_SOURCE" && xargs sed -nE 's/^\t+([a-z_]+)\(.*\) \{$/\1/p; s/^\t+([a-z_]*for_?each[a-z_]*)\(.*/\1/p') |
		sort -u
}

# .editorconfig holds, and .clang-format knows the macros that a block follows. Not that
# clang-format agrees: it would undo columns that are aligned by tabs.
check_style() {
	checkout_files . | in_tools_at "$LAB_SOURCE" xargs python3 tools/lab/lib/editorconfig.py
	comm -23 <(block_macros) <(sed -n 's/^  - //p' "$LAB_SOURCE/.clang-format" | sort) |
		sed 's/$/: a block follows it, and .clang-format does not know/'
}

# How many results static_builds gives for each kernel, and static_texts.
LAB_BUILD_CHECKS=3
LAB_TEXT_CHECKS=9

# static_builds KERNEL...
static_builds() {
	local kernel

	for kernel in "$@"; do
		static_check "driver, W=1 C=2, kernel $kernel" clean_build "$kernel" . driver
		static_check "simulator, W=1 C=2, kernel $kernel" clean_build "$kernel" tools/sim sim
		static_check "hot-ram, W=1 C=2, kernel $kernel" clean_build "$kernel" tools/test/selftests/hot-ram hot-ram
	done
}

static_messages() {
	local title="checkpatch --strict, messages of commits"

	if checkout_has_git "$LAB_TOP"; then
		static_check "$title" check_commits "${LAB_COMMITS[@]}"
	else
		printf 'ok - %s # SKIP the checkout has no git\n' "$title"
	fi
}

static_texts() {
	static_check "checkpatch --strict" check_patch
	static_messages
	static_check "codespell" check_spelling
	static_check "kernel-doc -Wall" check_kernel_doc
	static_check "shellcheck" check_shell
	static_check "licence lines" check_licence
	static_check "code style" check_style
	static_check "tests of the fuzzer" check_fuzzer
	static_check "model of the protocol, litmus tests" check_model
}

# What git tracks: other commands may leave files where they were called.
static_begin() {
	LAB_SOURCE=$LAB_RUN/checkout
	CHECKOUT_LISTED=-c checkout_copy "$LAB_SOURCE"
}

# static_end NUMBER: how many results there must be.
static_end() {
	rm -rf "$LAB_SOURCE"
	static_summary "$1"
}

# Builds and texts at once: neither keeps two CPUs busy all the time.
static_all() {
	local kernels builds texts

	mapfile -t kernels < <(kernel_names always)
	static_begin
	group_start static_lane static_builds "${kernels[@]}"
	builds=$!
	group_start static_lane static_texts
	texts=$!
	wait "$builds"
	group_remove "$builds"
	wait "$texts"
	group_remove "$texts"
	static_end $((${#kernels[@]} * LAB_BUILD_CHECKS + LAB_TEXT_CHECKS))
}
