# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds for every kernel of the table that comes from packages.

matrix_kernels() {
	kernel_names always
	kernel_names demand
	kernel_names ahead
}

# Could its headers not be had, and is that no failure (make_headers_if_any)?
lacks_headers() {
	is_foreign "$1" && [ ! -d "$(kernel_dir "$1")" ] && [ ! -d "$(product_dir "headers-$1")" ]
}

# matrix_builds KERNEL...: static_builds, or as many skips.
matrix_builds() {
	local kernel module log

	for kernel in "$@"; do
		log=$LAB_CACHE/logs/headers-$kernel.log
		if ! lacks_headers "$kernel"; then
			static_builds "$kernel"
			continue
		fi
		for module in driver simulator hot-ram; do
			printf 'ok - %s, W=1 C=2, kernel %s # SKIP %s (%s)\n' \
				"$module" "$kernel" "$(tail -n 1 "$log")" "$log"
		done
	done
}

# matrix_cell MODULE KERNEL: what matrix_builds said.
matrix_cell() {
	local title="ok - $1, W=1 C=2, kernel $2"

	if grep -qF "$title (" "$LAB_RUN/output.log"; then
		echo ok
	elif grep -qF "$title # SKIP" "$LAB_RUN/output.log"; then
		echo skipped
	else
		echo FAILED
	fi
}

matrix_table() {
	local format='%-14s %-26s %-8s %-10s %s\n' kernel

	# shellcheck disable=SC2059 # the format of every line
	printf "\n$format" kernel release driver simulator hot-ram
	for kernel in "$@"; do
		# shellcheck disable=SC2059
		printf "$format" "$kernel" "$(kernel_release "$kernel" 2>/dev/null || echo -)" \
			"$(matrix_cell driver "$kernel")" "$(matrix_cell simulator "$kernel")" \
			"$(matrix_cell hot-ram "$kernel")"
	done
}

# matrix_lane COMMAND KERNEL...: builds for the kernels, then what the command builds.
matrix_lane() {
	matrix_builds "${@:2}"
	"$1"
}

# In two lanes: half of a build's time is one process that others wait for.
matrix_all() {
	local kernels first half

	mapfile -t kernels < <(matrix_kernels)
	half=$((${#kernels[@]} / 2))
	static_begin
	group_start static_lane matrix_lane lacking_each "${kernels[@]:0:half}"
	first=$!
	static_lane matrix_lane lacking_all "${kernels[@]:half}"
	wait "$first"
	group_remove "$first"
	matrix_table "${kernels[@]}" | tee "$LAB_RUN/table"
	static_end $((${#kernels[@]} * LAB_BUILD_CHECKS + $(lacking_count))) && ! grep -q FAILED "$LAB_RUN/table"
}
