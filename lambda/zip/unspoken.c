/* unspoken.c: stands in for the libraries behind the protocols of libcurl that no function
 * of ours speaks: brotli and zstd, HTTP/2, IDN, LDAP, public suffixes, RTMP, SSH, Kerberos.
 *
 * Debian's libcurl.a is built for 28 protocols. Our functions speak HTTP/1.1 and HTTPS and
 * nothing else (lambda/aws/exchange.c, lambda/runtime/api.c), but with the libraries of the
 * others a zip would be 8 MB instead of 4, and a start would load 35 files instead of 3.
 * Some of them have no static form either.
 *
 * (1) What libcurl calls first of each library says no, in that library's own way. A peer
 *     who insists (a Transfer-Encoding of "br", a proxy that wants Kerberos) gets an error
 *     of libcurl's, and the function lives on.
 * (2) What is behind that cannot be reached. If it were, the program would name it and end.
 * (3) A libcurl that calls for more does not link, so nothing is missing unseen.
 *
 * No header of those libraries is included, as they need not be installed: only how a call
 * and its answer are passed matters, and that is what these declarations have. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* The linker knows these names, C need not: there is no header with them. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

static _Noreturn void reached(const char *name, size_t n)
{
    static const char why[] = ": a protocol that this program was built without\n";
    (void)!write(STDERR_FILENO, name, n);
    (void)!write(STDERR_FILENO, why, sizeof why - 1);
    abort();
}

#define UNREACHED(name)                                                                            \
    void name(void);                                                                               \
    void name(void)                                                                                \
    {                                                                                              \
        reached(#name, sizeof #name - 1);                                                          \
    }

/* --- brotli ------------------------------------------------------------ */

/* No memory for a decoder: CURLE_OUT_OF_MEMORY, and the answer is refused. */
void *BrotliDecoderCreateInstance(void *allocate, void *release, void *context)
{
    (void)allocate, (void)release, (void)context;
    return NULL;
}

UNREACHED(BrotliDecoderDecompressStream)
UNREACHED(BrotliDecoderDestroyInstance)
UNREACHED(BrotliDecoderGetErrorCode)
UNREACHED(BrotliDecoderVersion)

/* --- zstd -------------------------------------------------------------- */

void *ZSTD_createDStream(void)
{
    return NULL;
}

UNREACHED(ZSTD_decompressStream)
UNREACHED(ZSTD_freeDStream)
UNREACHED(ZSTD_isError)
UNREACHED(ZSTD_versionNumber)

/* --- nghttp2 ----------------------------------------------------------- */

/* NGHTTP2_ERR_NOMEM; libcurl begins each session with its callbacks. */
int nghttp2_session_callbacks_new(void **callbacks)
{
    *callbacks = NULL;
    return -901;
}

UNREACHED(nghttp2_http2_strerror)
UNREACHED(nghttp2_is_fatal)
UNREACHED(nghttp2_option_del)
UNREACHED(nghttp2_option_new)
UNREACHED(nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation)
UNREACHED(nghttp2_pack_settings_payload)
UNREACHED(nghttp2_priority_spec_init)
UNREACHED(nghttp2_session_callbacks_del)
UNREACHED(nghttp2_session_callbacks_set_error_callback)
UNREACHED(nghttp2_session_callbacks_set_on_begin_headers_callback)
UNREACHED(nghttp2_session_callbacks_set_on_data_chunk_recv_callback)
UNREACHED(nghttp2_session_callbacks_set_on_frame_recv_callback)
UNREACHED(nghttp2_session_callbacks_set_on_header_callback)
UNREACHED(nghttp2_session_callbacks_set_on_stream_close_callback)
UNREACHED(nghttp2_session_callbacks_set_send_callback)
UNREACHED(nghttp2_session_check_request_allowed)
UNREACHED(nghttp2_session_client_new2)
UNREACHED(nghttp2_session_del)
UNREACHED(nghttp2_session_get_remote_settings)
UNREACHED(nghttp2_session_get_remote_window_size)
UNREACHED(nghttp2_session_get_stream_remote_window_size)
UNREACHED(nghttp2_session_get_stream_user_data)
UNREACHED(nghttp2_session_mem_recv)
UNREACHED(nghttp2_session_resume_data)
UNREACHED(nghttp2_session_send)
UNREACHED(nghttp2_session_set_local_window_size)
UNREACHED(nghttp2_session_set_stream_user_data)
UNREACHED(nghttp2_session_upgrade2)
UNREACHED(nghttp2_session_want_read)
UNREACHED(nghttp2_session_want_write)
UNREACHED(nghttp2_strerror)
UNREACHED(nghttp2_submit_ping)
UNREACHED(nghttp2_submit_priority)
UNREACHED(nghttp2_submit_request)
UNREACHED(nghttp2_submit_rst_stream)
UNREACHED(nghttp2_submit_settings)
UNREACHED(nghttp2_version)

/* --- libidn2 ----------------------------------------------------------- */

/* No version is new enough: libcurl takes host names as they are. */
const char *idn2_check_version(const char *wanted)
{
    (void)wanted;
    return NULL;
}

UNREACHED(idn2_free)
UNREACHED(idn2_lookup_ul)

/* --- OpenLDAP ---------------------------------------------------------- */

/* LDAP_NO_MEMORY; a URL is taken apart before anybody is asked. */
int ldap_url_parse(const char *url, void **parts)
{
    (void)url;
    *parts = NULL;
    return 0x5a;
}

UNREACHED(ber_bvfree)
UNREACHED(ber_free)
UNREACHED(ber_memfree)
UNREACHED(ber_memvfree)
UNREACHED(ber_sockbuf_add_io)
UNREACHED(ldap_abandon_ext)
UNREACHED(ldap_err2string)
UNREACHED(ldap_free_urldesc)
UNREACHED(ldap_get_attribute_ber)
UNREACHED(ldap_get_dn_ber)
UNREACHED(ldap_get_option)
UNREACHED(ldap_init_fd)
UNREACHED(ldap_memfree)
UNREACHED(ldap_msgfree)
UNREACHED(ldap_msgtype)
UNREACHED(ldap_parse_result)
UNREACHED(ldap_parse_sasl_bind_result)
UNREACHED(ldap_pvt_url_scheme2proto)
UNREACHED(ldap_result)
UNREACHED(ldap_sasl_bind)
UNREACHED(ldap_search_ext)
UNREACHED(ldap_set_option)
UNREACHED(ldap_start_tls)
UNREACHED(ldap_unbind_ext)

/* --- libpsl ------------------------------------------------------------ */

/* No list, neither the newest nor that of the library. */
const void *psl_latest(const char *file)
{
    (void)file;
    return NULL;
}

const void *psl_builtin(void)
{
    return NULL;
}

UNREACHED(psl_free)
UNREACHED(psl_get_version)
UNREACHED(psl_is_cookie_domain_acceptable)

/* --- librtmp ----------------------------------------------------------- */

void *RTMP_Alloc(void)
{
    return NULL;
}

UNREACHED(RTMP_Close)
UNREACHED(RTMP_Connect1)
UNREACHED(RTMP_ConnectStream)
UNREACHED(RTMP_Free)
UNREACHED(RTMP_Init)
UNREACHED(RTMP_Read)
UNREACHED(RTMP_SetBufferMS)
UNREACHED(RTMP_SetupURL)
UNREACHED(RTMP_Write)

/* --- libssh2 ----------------------------------------------------------- */

/* curl_global_init calls this and fails where it does; sessions are what there is none of. */
int libssh2_init(int flags)
{
    (void)flags;
    return 0;
}

void libssh2_exit(void)
{
}

void *libssh2_session_init_ex(void *allocate, void *release, void *reallocate, void *context)
{
    (void)allocate, (void)release, (void)reallocate, (void)context;
    return NULL;
}

UNREACHED(libssh2_agent_connect)
UNREACHED(libssh2_agent_disconnect)
UNREACHED(libssh2_agent_free)
UNREACHED(libssh2_agent_get_identity)
UNREACHED(libssh2_agent_init)
UNREACHED(libssh2_agent_list_identities)
UNREACHED(libssh2_agent_userauth)
UNREACHED(libssh2_channel_free)
UNREACHED(libssh2_channel_read_ex)
UNREACHED(libssh2_channel_send_eof)
UNREACHED(libssh2_channel_wait_closed)
UNREACHED(libssh2_channel_wait_eof)
UNREACHED(libssh2_channel_write_ex)
UNREACHED(libssh2_hostkey_hash)
UNREACHED(libssh2_knownhost_add)
UNREACHED(libssh2_knownhost_checkp)
UNREACHED(libssh2_knownhost_del)
UNREACHED(libssh2_knownhost_free)
UNREACHED(libssh2_knownhost_get)
UNREACHED(libssh2_knownhost_init)
UNREACHED(libssh2_knownhost_readfile)
UNREACHED(libssh2_knownhost_writefile)
UNREACHED(libssh2_scp_recv2)
UNREACHED(libssh2_scp_send64)
UNREACHED(libssh2_session_abstract)
UNREACHED(libssh2_session_block_directions)
UNREACHED(libssh2_session_callback_set)
UNREACHED(libssh2_session_disconnect_ex)
UNREACHED(libssh2_session_flag)
UNREACHED(libssh2_session_free)
UNREACHED(libssh2_session_handshake)
UNREACHED(libssh2_session_hostkey)
UNREACHED(libssh2_session_last_errno)
UNREACHED(libssh2_session_last_error)
UNREACHED(libssh2_session_method_pref)
UNREACHED(libssh2_session_set_blocking)
UNREACHED(libssh2_sftp_close_handle)
UNREACHED(libssh2_sftp_init)
UNREACHED(libssh2_sftp_last_error)
UNREACHED(libssh2_sftp_mkdir_ex)
UNREACHED(libssh2_sftp_open_ex)
UNREACHED(libssh2_sftp_read)
UNREACHED(libssh2_sftp_readdir_ex)
UNREACHED(libssh2_sftp_rename_ex)
UNREACHED(libssh2_sftp_rmdir_ex)
UNREACHED(libssh2_sftp_seek64)
UNREACHED(libssh2_sftp_shutdown)
UNREACHED(libssh2_sftp_stat_ex)
UNREACHED(libssh2_sftp_statvfs)
UNREACHED(libssh2_sftp_symlink_ex)
UNREACHED(libssh2_sftp_unlink_ex)
UNREACHED(libssh2_sftp_write)
UNREACHED(libssh2_userauth_authenticated)
UNREACHED(libssh2_userauth_keyboard_interactive_ex)
UNREACHED(libssh2_userauth_list)
UNREACHED(libssh2_userauth_password_ex)
UNREACHED(libssh2_userauth_publickey_fromfile_ex)
UNREACHED(libssh2_version)

/* --- GSSAPI ------------------------------------------------------------ */

typedef struct gss_buffer {
    size_t length;
    void *value;
} gss_buffer;

enum { GSS_S_COMPLETE = 0 };
static const uint32_t gss_s_unavailable = 16U << 16;

const void *const GSS_C_NT_HOSTBASED_SERVICE = NULL;

/* The name of the peer comes first. libcurl then asks for words about the failure until it
 * gets some, so there are words. */
uint32_t gss_import_name(uint32_t *minor, const gss_buffer *text, const void *kind, void **name)
{
    (void)text, (void)kind;
    *minor = 0;
    *name = NULL;
    return gss_s_unavailable;
}

uint32_t gss_display_status(uint32_t *minor, uint32_t status, int kind, const void *mechanism,
                            uint32_t *more, gss_buffer *words)
{
    static char no[] = "built without Kerberos";
    (void)status, (void)kind, (void)mechanism;
    *minor = 0;
    *more = 0;
    *words = (gss_buffer){sizeof no - 1, no};
    return GSS_S_COMPLETE;
}

uint32_t gss_release_buffer(uint32_t *minor, gss_buffer *words)
{
    *minor = 0;
    *words = (gss_buffer){0, NULL};
    return GSS_S_COMPLETE;
}

uint32_t gss_release_name(uint32_t *minor, void **name)
{
    *minor = 0;
    *name = NULL;
    return GSS_S_COMPLETE;
}

uint32_t gss_delete_sec_context(uint32_t *minor, void **context, gss_buffer *token)
{
    (void)token;
    *minor = 0;
    *context = NULL;
    return GSS_S_COMPLETE;
}

UNREACHED(gss_display_name)
UNREACHED(gss_init_sec_context)
UNREACHED(gss_inquire_context)
UNREACHED(gss_unwrap)
UNREACHED(gss_wrap)
