/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <string.h>

#include "lfs/base/crc_arm.h"

#if defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)

/*
 * Per function, so that the rest of the program runs on any ARMv8.  clang
 * hides __crc32d() unless the whole file is compiled for it, hence its builtin.
 */
#if defined(__clang__)
#define TARGET __attribute__((target("crc")))
#define crc32_of_8 __builtin_arm_crc32d
#else
#include <arm_acle.h>
#define TARGET __attribute__((target("+crc")))
#define crc32_of_8 __crc32d
#endif

#if defined(__linux__)

#include <asm/hwcap.h>
#include <sys/auxv.h>

bool crc_arm_usable(void)
{
	return getauxval(AT_HWCAP) & HWCAP_CRC32;
}

#else

/* Every Apple processor of this architecture has the instructions. */
bool crc_arm_usable(void)
{
#if defined(__APPLE__)
	return true;
#else
	return false;
#endif
}

#endif

TARGET uint32_t crc_arm_run(uint32_t reg, const unsigned char *data, size_t n)
{
	uint64_t word;

	for (; n; n -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		reg = crc32_of_8(reg, word);
	}
	return reg;
}

#else

bool crc_arm_usable(void)
{
	return false;
}

uint32_t crc_arm_run(uint32_t reg, const unsigned char *data, size_t n)
{
	(void)reg, (void)data, (void)n;
	assert(!"crc_arm_run() on another architecture");
	return 0;
}

#endif
