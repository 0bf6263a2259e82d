# SPDX-License-Identifier: GPL-3.0-or-later

# The modules of each layer, in dependency order: a module may include only
# what stands to its left, and the layers above its own line here.
BASE     = mem buf text err clock log json wait file child crc \
           journal sha256 sha1 md5
NET      = libcurl url link retry connect http status \
           budget pool
GIT      = urlmatch gitconfig httpconf repo pointer storage settings \
           patterns gitfiles history
WORKTREE = selection placed place gitindex worktree
MODE     = plan multipart parts mode
SERVER   = gourl endpoint netrc credhelper credshare \
           credential context batch ssh session server lookahead
TRANSFER = record hasher source object partial resume unfinished upload \
           download engine attempts transfer
CARRY    = queue survey pipeline relay scheduler fork \
           checkout pull
AGENT    = cli cleanplaced input message move agent keys standalone downloads movers \
           install human bar report status pruneobjects prune forkpush \
           forkreport fork pull fetch clone main

PROG    = git-lfs-multipart
VERSION = 0.1.0
PREFIX  = /usr/local

CC     ?= cc
CFLAGS ?= -O2 -g
STD     = -std=c11 -D_XOPEN_SOURCE=700 -D_FILE_OFFSET_BITS=64
WARN    = -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes \
          -Wstrict-prototypes -Wvla -Wformat=2 -Wundef
# libcurl is loaded when it is needed (lfs/net/libcurl.h), not linked.
PKGS    = jansson zlib

# A sanitizer build has a folder of its own: SANITIZE=address,undefined or
# SANITIZE=thread.  DEVELOPER=1 makes warnings errors.
comma = ,
BUILD = build
ifdef SANITIZE
BUILD = build/$(subst $(comma),-,$(SANITIZE))
SAN   = -fsanitize=$(SANITIZE) -fno-sanitize-recover=all \
        -fno-omit-frame-pointer
endif
ifdef DEVELOPER
WARN += -Werror
endif
# A step is one short line; V=1 shows its command.
ifndef V
run = @printf '  %-5s %s\n' $(1) $@;
endif

ALL_CFLAGS = $(STD) $(WARN) -I. -pthread $(SAN) \
             $(shell pkg-config --cflags libcurl $(PKGS)) \
             -DVERSION='"$(VERSION)"' $(CFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS)) -lmbedcrypto

LFS_SRC = $(BASE:%=lfs/base/%.c) $(NET:%=lfs/net/%.c) \
          $(GIT:%=lfs/git/%.c) $(WORKTREE:%=lfs/worktree/%.c) \
          $(MODE:%=lfs/mode/%.c) \
          $(SERVER:%=lfs/server/%.c) $(TRANSFER:%=lfs/transfer/%.c) \
          $(CARRY:%=lfs/carry/%.c)
LFS_OBJ = $(LFS_SRC:%.c=$(BUILD)/%.o)
AGENT_OBJ = $(AGENT:%=$(BUILD)/agent/%.o)
# Tests link everything but main(), in the order that the linker needs.
ARCHIVES = $(BUILD)/libagent.a $(BUILD)/liblfs.a

UNIT   = $(filter-out %/tinyserver,$(patsubst test/unit/%.c,$(BUILD)/test/unit/%,$(wildcard test/unit/*.c)))
FUZZ   = $(filter-out replay,$(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/*.c)))
TOOL   = $(patsubst test/tool/%.c,$(BUILD)/test/tool/%,$(wildcard test/tool/*.c))
BENCH  = $(patsubst test/bench/%.c,$(BUILD)/test/bench/%,$(wildcard test/bench/*.c))
REPLAY = $(FUZZ:%=$(BUILD)/test/fuzz/%)
FUZZ_PROG = $(FUZZ:%=$(BUILD)/fuzz/%)
FUZZ_LIB  = $(LFS_SRC:%.c=$(BUILD)/fuzz/%.o) \
            $(patsubst %,$(BUILD)/fuzz/agent/%.o,$(filter-out main,$(AGENT)))
FUZZ_SAN  = address,undefined
FUZZ_SECONDS = 60

all: $(BUILD)/$(PROG)

$(BUILD)/$(PROG): $(BUILD)/agent/main.o $(ARCHIVES)
	$(call run,LINK) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/liblfs.a: $(LFS_OBJ)
$(BUILD)/libagent.a: $(filter-out %/main.o,$(AGENT_OBJ))

# The Makefile is a prerequisite for the sake of the module lists.
$(BUILD)/%.a: Makefile
	@rm -f $@
	$(call run,AR) $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call run,CC) $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/test/unit/%: $(BUILD)/test/unit/%.o $(BUILD)/test/unit/tinyserver.o $(ARCHIVES)
	$(call run,LINK) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# No sanitizer looks at it: it is no module of ours, and runs all the time.
$(BUILD)/test/tool/ask $(BUILD)/test/tool/ask.o: private SAN =

# The tools by which scenarios drive single modules.
$(BUILD)/test/tool/%: $(BUILD)/test/tool/%.o $(ARCHIVES)
	$(call run,LINK) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/test/bench/%: $(BUILD)/test/bench/%.o $(ARCHIVES)
	$(call run,LINK) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# A fuzz target is built twice: by clang to look for new inputs (make fuzz),
# and by the compiler of the day to replay its corpus (make test).
$(BUILD)/test/fuzz/%: $(BUILD)/test/fuzz/%.o $(BUILD)/test/fuzz/replay.o $(ARCHIVES)
	$(call run,LINK) $(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call run,CC) clang $(ALL_CFLAGS) -fsanitize=fuzzer-no-link,$(FUZZ_SAN) \
		-fno-sanitize-recover=all -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/%: $(BUILD)/fuzz/test/fuzz/%.o $(FUZZ_LIB)
	$(call run,LINK) clang $(ALL_CFLAGS) -fsanitize=fuzzer,$(FUZZ_SAN) -o $@ $^ $(LIBS)

# The library that the torture preloads.
$(BUILD)/test/torture/%.so: test/torture/%.c
	@mkdir -p $(@D)
	$(call run,LINK) $(CC) -std=c11 $(WARN) -fPIC -shared -o $@ $<

programs: all $(UNIT) $(TOOL) $(REPLAY)
fuzzers: $(FUZZ_PROG)

# These set up what they need before make looks at the rest.
test:
	@scripts/setup test
	@$(MAKE) --no-print-directory programs
	@test/run --build $(BUILD)

fuzz:
	@scripts/setup fuzz
	@$(MAKE) --no-print-directory fuzzers
	@scripts/fuzz $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZ)

valgrind:
	@scripts/setup valgrind
	@$(MAKE) --no-print-directory programs
	@scripts/valgrind $(BUILD)

# The whole of what t-matrix takes pairs of.
matrix:
	@scripts/setup test
	@$(MAKE) --no-print-directory all
	@MATRIX=all test/run --build $(BUILD) --timeout 7200 t-matrix

# The table of t-endpoint, with git-lfs itself for each row.
endpoints:
	@scripts/setup test
	@$(MAKE) --no-print-directory programs
	@ENDPOINTS=1 test/run --build $(BUILD) t-endpoint

torture:
	@scripts/setup test
	@$(MAKE) --no-print-directory all $(BUILD)/test/torture/failcall.so
	@test/torture/run $(BUILD)

demo:
	@scripts/setup build
	@$(MAKE) --no-print-directory all $(BUILD)/test/tool/ask
	@test/demo $(BUILD)

# The README's two commands on machines that have nothing.
fresh:
	@scripts/setup fresh
	@scripts/fresh build/fresh $(FRESH)

bench:
	@scripts/setup bench
	@$(MAKE) --no-print-directory all $(BENCH)
	@scripts/bench $(BUILD)

memory:
	@scripts/setup bench
	@$(MAKE) --no-print-directory all
	@scripts/bench $(BUILD) memory

lint:
	@scripts/setup lint
	@scripts/lint

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(BUILD)/$(PROG) $(DESTDIR)$(PREFIX)/bin/$(PROG)
	install -m 644 agent/$(PROG).1 $(DESTDIR)$(PREFIX)/share/man/man1/$(PROG).1

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/$(PROG)
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/$(PROG).1

clean:
	rm -rf build

.SECONDARY:
.PHONY: all programs fuzzers test matrix endpoints fuzz valgrind torture demo fresh bench memory lint install uninstall clean

-include $(LFS_OBJ:.o=.d) $(AGENT_OBJ:.o=.d) $(UNIT:=.d) $(TOOL:=.d) $(BENCH:=.d)
-include $(BUILD)/test/unit/tinyserver.d $(REPLAY:=.d) $(FUZZ_LIB:.o=.d) $(FUZZ:%=$(BUILD)/fuzz/test/fuzz/%.d)
