/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_BASE_CRC_ARM_H
#define LFS_BASE_CRC_ARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CRC-32 by the instructions of ARMv8.  Only crc.c calls it. */

/* True if this processor has the instructions. */
bool crc_arm_usable(void);

/*
 * Take n bytes, a multiple of 8, into a CRC register (not inverted), and
 * return it.  Only where usable.
 */
uint32_t crc_arm_run(uint32_t reg, const unsigned char *data, size_t n);

#endif
