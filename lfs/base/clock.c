/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lfs/base/clock.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void clock_boot(char boot[CLOCK_BOOT_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	memset(boot, 0, CLOCK_BOOT_SIZE);
	if (fd < 0)
		return;
	n = read(fd, boot, CLOCK_BOOT_SIZE - 1);
	if (n < CLOCK_BOOT_SIZE - 1)
		boot[0] = '\0';
	close(fd);
}

int64_t clock_unix(void)
{
	return (int64_t)time(NULL);
}

/*
 * The nanosecond, the process and the stack's address (one a thread) differ
 * between any two callers; the mixing steps spread that over all bits.
 */
uint32_t clock_random(void)
{
	struct timespec ts;
	uint64_t x;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	x = (uint64_t)ts.tv_nsec ^ (uint64_t)ts.tv_sec << 30 ^
	    (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)&ts;
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return (uint32_t)(x ^ x >> 33);
}
