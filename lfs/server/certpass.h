/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LFS_SERVER_CERTPASS_H
#define LFS_SERVER_CERTPASS_H

#include "lfs/git/httpconf.h"
#include "lfs/server/askcred.h"

/*
 * The passwords of client certificates, where the config says that they have
 * one (http.sslCertPasswordProtected, http.proxySSLCertPasswordProtected).
 */

/*
 * Give `conf` what git's credential helpers have for its certificates, under
 * protocol `cert` and the path of the certificate, as git has it, or else that
 * of its key, as git-lfs has it.  A person is
 * not asked: several agents would do so at once.  What is not found is logged,
 * and the connection will fail.  Main thread only, before others use `conf`.
 */
void certpass_find(struct httpconf *conf, const struct askcred *ask);

#endif
