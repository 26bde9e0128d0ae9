# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds for releases that Debian has no packages of, with the headers of the newest
# kernel without what such a release lacked (the table "lacking").

# lacking_rows [RELEASE]: all lines of the table, or those of what a release lacked.
lacking_rows() {
	awk -v release="${1:-}" '/^#/ { next } $1 == release { lacks = 1 } release == "" || lacks' \
		"$LAB_DIR/lacking"
}

lacking_releases() {
	lacking_rows | awk '$1 != "-" && !seen[$1]++ { print $1 }'
}

headers_source() {
	printf '%s/usr/lib/modules/%s/source' "$LAB_TOOLS" "$(kernel_release "$1")"
}

# lacking_change HEADERS NAME FILE SCRIPT
lacking_change() {
	local file=$1/include/$3

	if [ -e "$file" ]; then
		sed -i -zE "${4:-s/\b$2\b/lacked_&/g};t;q1" "$file" || echo "$3: nothing to change for $2"
	else
		cp "$(headers_source stable)/include/$3" "$file"
	fi
}

# lacking_headers DIRECTORY: a copy without what the rows in standard input name. Files
# are links, and sed replaces one.
lacking_headers() {
	local name files script file

	cp -alL "$(headers_source "$(default_kernel)")" "$1"
	while IFS=$'\t' read -r _ _ name files script; do
		for file in ${files//,/ }; do
			lacking_change "$1" "$name" "$file" "$script"
		done
	done
}

# lacking_build MODULE LABEL: without what the rows in standard input name.
lacking_build() {
	local headers=$LAB_RUN/headers-$1-$2 kernel dir=.

	kernel=$(default_kernel)
	[ "$1" = driver ] || dir=tools/sim
	lacking_headers "$headers"
	clean_build "$kernel" "$dir" "$1-$2" C=0 -C "$(inside "$headers")" KBUILD_OUTPUT="$(kernel_build_dir "$kernel")"
	rm -rf "$headers"
}

# One thing after the other.
lacking_each() {
	local rows row module name

	mapfile -t rows < <(lacking_rows)
	for row in "${rows[@]}"; do
		IFS=$'\t' read -r _ module name _ <<<"$row"
		static_check "$module, W=1, headers changed: $name" lacking_build "$module" "$name" <<<"$row"
	done
}

# All that a release lacked.
lacking_all() {
	local release module

	for release in $(lacking_releases); do
		for module in driver simulator; do
			static_check "$module, W=1, headers without what $release lacked" \
				lacking_build "$module" "$release" < <(lacking_rows "$release")
		done
	done
}

lacking_count() {
	echo $(($(lacking_rows | wc -l) + 2 * $(lacking_releases | wc -l)))
}
