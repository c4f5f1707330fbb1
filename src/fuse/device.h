/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device.h - ioctl(2)s of /dev/fuse, also those that are newer than some headers. */
#ifndef MEMFS_FUSE_DEVICE_H
#define MEMFS_FUSE_DEVICE_H

#include <linux/fuse.h>
#include <stdint.h>
#include <sys/ioctl.h>

/* Linux 4.2 */
#ifndef FUSE_DEV_IOC_CLONE
#define FUSE_DEV_IOC_CLONE _IOR(229, 0, uint32_t)
#endif

/* Linux 6.9 */
#ifndef FUSE_DEV_IOC_BACKING_OPEN
struct fuse_backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define FUSE_DEV_IOC_BACKING_OPEN _IOW(229, 1, struct fuse_backing_map)
#define FUSE_DEV_IOC_BACKING_CLOSE _IOW(229, 2, uint32_t)
#endif

#endif
