# SPDX-License-Identifier: GPL-2.0-only
# For people; Kbuild is what kbuild reads.
KDIR ?= /lib/modules/$(shell uname -r)/build
KBUILD := $(MAKE) -C $(KDIR) M=$(CURDIR)
# Of KDIR's kernel, which need not be the one that runs.
RELEASE = $(shell cat $(KDIR)/include/config/kernel.release)
INSTALL_MOD_PATH ?= $(DESTDIR)

.PHONY: all modules lab-build clean install deb rpm demo check patch help

ifneq ($(wildcard $(KDIR)/.),)
all: modules
else
all: lab-build
endif

modules:
	$(KBUILD) modules

lab-build:
	@echo "No kernel headers in $(KDIR): building in the lab instead."
	@echo "(For this machine: install its headers, or give KDIR=.)"
	tools/lab/lab build

clean:
	@if [ -d $(KDIR) ]; then $(KBUILD) clean; fi

install: modules
	$(KBUILD) INSTALL_MOD_DIR=updates INSTALL_MOD_PATH=$(INSTALL_MOD_PATH) modules_install
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(RELEASE)
	@if pkg-config --exists libpci libkmod json-c smartcols zlib; then \
		$(MAKE) -C tools/nvgpuctl install; \
	else \
		echo "nvgpuctl was not built: it needs pkg-config and the headers of libpci, libkmod, json-c, libsmartcols, zlib"; \
	fi

# PACKAGES=directory
deb rpm:
	tools/lab/lab $@ $(PACKAGES)

demo:
	tools/demo

check:
	tools/check

# PATCHES=directory
patch:
	tools/lab/lab patch $(PATCHES)

help:
	@echo "make          build nvgpu-vfio-pci.ko for KDIR, or in the lab without headers"
	@echo "make install  install it for KDIR's kernel, and nvgpuctl; DESTDIR= and INSTALL_MOD_PATH= are honoured"
	@echo "make deb      Debian and RPM packages of both, built and tested in the lab, in packages/"
	@echo "make rpm      the RPM packages only"
	@echo "make demo     tools/demo: bind a simulated GPU and give it to a guest"
	@echo "make check    tools/check: all tests"
	@echo "make patch    write the driver as a patch series, for git send-email"
	@echo "make clean    remove what make built"
