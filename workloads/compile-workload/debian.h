/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Upstream's release tarball out of a Debian source package.
 *
 * apt-get does it, with a private list of sources and private indexes in the cache directory, so
 * that nothing of the system's own configuration changes. Mirror, suite and keyring are
 * taken from the system's: the main component of the release it is.
 */
#ifndef COMPILE_WORKLOAD_DEBIAN_H
#define COMPILE_WORKLOAD_DEBIAN_H

/*
 * Downloads the tarball into `dir`, which must be there and empty, and unpacks it to
 * `dir`/tree. Returns that path, to be freed; NULL after a complaint.
 */
char *debian_unpack(const char *package, const char *cache, const char *dir, const char *log);

#endif
