# SPDX-License-Identifier: GPL-2.0-only
# For the Makefiles of static programs that use this library. They are called with O, where
# the programs go, and LIB, the archive that the Makefile here makes; CROSS_COMPILE is a
# prefix of gcc.

lib := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

CC := $(CROSS_COMPILE)gcc
CFLAGS := -O2 -g -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror
CPPFLAGS := -I$(lib) -I$(lib)/../../../upstream/include/uapi
LDFLAGS := -static -pthread

# Goals that need no library.
ifneq ($(filter-out list check,$(or $(MAKECMDGOALS),all)),)
ifeq ($(and $(O),$(LIB)),)
$(error say where the programs go and where the library is: make O=DIR LIB=FILE)
endif
endif
