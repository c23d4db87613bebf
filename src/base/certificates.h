/* certificates.h: the certificates that this system trusts.
 *
 * Threads: any. */
#ifndef MF_BASE_CERTIFICATES_H
#define MF_BASE_CERTIFICATES_H

/* The path of their file: Debian's, which is built into Debian's libcurl, else that of Amazon Linux
 * (docs/lambda.md, 1.10.5). NULL when neither can be read; libcurl then reports it. Looks each
 * time; two system calls at most. */
const char *mf_certificates_file(void);

#endif
