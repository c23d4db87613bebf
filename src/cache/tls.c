/* tls.c: OpenSSL's context and libevent's bufferevents for it.
 * (1) Where a failure is expected OpenSSL's error queue is cleared: an old entry would be taken
 *     for the reason of a later failure. */
#include "cache/tls.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mf_tls {
    SSL_CTX *context;
    char host[256];
};

mf_tls *mf_tls_create(const char *ca_file, const char *host, mf_error *err)
{
    mf_tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL || (tls->context = SSL_CTX_new(TLS_client_method())) == NULL) {
        mf_fail(err, MF_ERR_MEMORY, MF_NOWHERE, "no memory for TLS");
        mf_tls_destroy(tls);
        return NULL;
    }
    snprintf(tls->host, sizeof tls->host, "%s", host);
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls->context, SSL_MODE_RELEASE_BUFFERS);
    const int loaded = ca_file[0] != '\0'
                           ? SSL_CTX_load_verify_locations(tls->context, ca_file, NULL)
                           : SSL_CTX_set_default_verify_paths(tls->context);
    ERR_clear_error();
    if (loaded != 1) {
        mf_fail(err, MF_ERR_CONFIG, (mf_where){.path = ca_file},
                "cannot be read as certificates: expected a file of them in PEM");
        mf_tls_destroy(tls);
        return NULL;
    }
    return tls;
}

/* A name is checked as one and sent along; an address is checked as one (RFC 6066 wants
 * no addresses sent). */
static bool expect_host(SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1)
        return true;
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

struct bufferevent *mf_tls_wrap(mf_tls *tls, struct event_base *base, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    if (ssl == NULL || !expect_host(ssl, tls->host)) {
        SSL_free(ssl);
        return NULL;
    }
    struct bufferevent *stream = bufferevent_openssl_socket_new(
        base, fd, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE); /* owns ssl, always */
    if (stream != NULL) /* a Redis that is killed sends no close_notify */
        bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
    return stream;
}

bool mf_tls_explain(struct bufferevent *stream, char *why, size_t n_bytes)
{
    const SSL *ssl = bufferevent_openssl_get_ssl(stream);
    const long verified = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;
    const unsigned long code = bufferevent_get_openssl_error(stream);
    char raw[256];
    if (verified != X509_V_OK)
        snprintf(raw, sizeof raw, "its certificate is not trusted: %s",
                 X509_verify_cert_error_string(verified));
    else if (code != 0)
        snprintf(raw, sizeof raw, "TLS failed: %s",
                 ERR_reason_error_string(code) != NULL ? ERR_reason_error_string(code)
                                                       : "for no reason that it names");
    else
        return false;
    mf_printable(why, n_bytes, raw, strlen(raw));
    return true;
}

void mf_tls_destroy(mf_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}
