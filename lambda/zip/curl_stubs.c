/* curl_stubs.c: stubs for the libraries that Debian's libcurl.a needs and our functions do not:
 * brotli, zstd, HTTP/2, IDN, LDAP, public suffixes, RTMP, SSH, Kerberos.
 *
 * Debian builds libcurl.a for 28 protocols. Our functions use HTTP/1.1 and HTTPS only
 * (lambda/aws/request.c, lambda/runtime/api.c). With the real libraries a zip has 8 MB instead
 * of 4, and a start loads 35 files instead of 3. Some of them have no static form either.
 *
 * (1) The function of each library that libcurl calls first fails with that library's own
 *     error. When a peer requires the library (a Transfer-Encoding of "br", a proxy with
 *     Kerberos), libcurl returns an error and the function goes on.
 * (2) The other functions are unreachable. A call would print the function's name and abort.
 * (3) A libcurl that needs a further symbol does not link.
 *
 * A libcurl built from source without these protocols would need no stubs, but it would be a
 * second libcurl: to configure, to test and to rebuild for every security update. With stubs the
 * zip has the bytes of the package that apt updates.
 *
 * The libraries' headers need not be installed and are not included: these declarations match
 * only how arguments and results are passed. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* Only the linker needs these names: no header declares them. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

static _Noreturn void abort_in(const char *name, size_t n)
{
    static const char why[] = ": a protocol that this program was built without\n";
    (void)!write(STDERR_FILENO, name, n);
    (void)!write(STDERR_FILENO, why, sizeof why - 1);
    abort();
}

#define UNREACHABLE(name)                                                                          \
    void name(void);                                                                               \
    void name(void)                                                                                \
    {                                                                                              \
        abort_in(#name, sizeof #name - 1);                                                         \
    }

/* --- brotli ------------------------------------------------------------ */

/* No decoder: libcurl rejects the response with CURLE_OUT_OF_MEMORY. */
void *BrotliDecoderCreateInstance(void *allocate, void *release, void *context)
{
    (void)allocate, (void)release, (void)context;
    return NULL;
}

UNREACHABLE(BrotliDecoderDecompressStream)
UNREACHABLE(BrotliDecoderDestroyInstance)
UNREACHABLE(BrotliDecoderGetErrorCode)
UNREACHABLE(BrotliDecoderVersion)

/* --- zstd -------------------------------------------------------------- */

void *ZSTD_createDStream(void)
{
    return NULL;
}

UNREACHABLE(ZSTD_decompressStream)
UNREACHABLE(ZSTD_freeDStream)
UNREACHABLE(ZSTD_isError)
UNREACHABLE(ZSTD_versionNumber)

/* --- nghttp2 ----------------------------------------------------------- */

/* NGHTTP2_ERR_NOMEM: a session begins with its callbacks. */
int nghttp2_session_callbacks_new(void **callbacks)
{
    *callbacks = NULL;
    return -901;
}

UNREACHABLE(nghttp2_http2_strerror)
UNREACHABLE(nghttp2_is_fatal)
UNREACHABLE(nghttp2_option_del)
UNREACHABLE(nghttp2_option_new)
UNREACHABLE(nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation)
UNREACHABLE(nghttp2_pack_settings_payload)
UNREACHABLE(nghttp2_priority_spec_init)
UNREACHABLE(nghttp2_session_callbacks_del)
UNREACHABLE(nghttp2_session_callbacks_set_error_callback)
UNREACHABLE(nghttp2_session_callbacks_set_on_begin_headers_callback)
UNREACHABLE(nghttp2_session_callbacks_set_on_data_chunk_recv_callback)
UNREACHABLE(nghttp2_session_callbacks_set_on_frame_recv_callback)
UNREACHABLE(nghttp2_session_callbacks_set_on_header_callback)
UNREACHABLE(nghttp2_session_callbacks_set_on_stream_close_callback)
UNREACHABLE(nghttp2_session_callbacks_set_send_callback)
UNREACHABLE(nghttp2_session_check_request_allowed)
UNREACHABLE(nghttp2_session_client_new2)
UNREACHABLE(nghttp2_session_del)
UNREACHABLE(nghttp2_session_get_remote_settings)
UNREACHABLE(nghttp2_session_get_remote_window_size)
UNREACHABLE(nghttp2_session_get_stream_remote_window_size)
UNREACHABLE(nghttp2_session_get_stream_user_data)
UNREACHABLE(nghttp2_session_mem_recv)
UNREACHABLE(nghttp2_session_resume_data)
UNREACHABLE(nghttp2_session_send)
UNREACHABLE(nghttp2_session_set_local_window_size)
UNREACHABLE(nghttp2_session_set_stream_user_data)
UNREACHABLE(nghttp2_session_upgrade2)
UNREACHABLE(nghttp2_session_want_read)
UNREACHABLE(nghttp2_session_want_write)
UNREACHABLE(nghttp2_strerror)
UNREACHABLE(nghttp2_submit_ping)
UNREACHABLE(nghttp2_submit_priority)
UNREACHABLE(nghttp2_submit_request)
UNREACHABLE(nghttp2_submit_rst_stream)
UNREACHABLE(nghttp2_submit_settings)
UNREACHABLE(nghttp2_version)

/* --- libidn2 ----------------------------------------------------------- */

/* No version is new enough: libcurl uses host names unchanged. */
const char *idn2_check_version(const char *wanted)
{
    (void)wanted;
    return NULL;
}

UNREACHABLE(idn2_free)
UNREACHABLE(idn2_lookup_ul)

/* --- OpenLDAP ---------------------------------------------------------- */

/* LDAP_NO_MEMORY: libcurl parses the URL first. */
int ldap_url_parse(const char *url, void **parts)
{
    (void)url;
    *parts = NULL;
    return 0x5a;
}

UNREACHABLE(ber_bvfree)
UNREACHABLE(ber_free)
UNREACHABLE(ber_memfree)
UNREACHABLE(ber_memvfree)
UNREACHABLE(ber_sockbuf_add_io)
UNREACHABLE(ldap_abandon_ext)
UNREACHABLE(ldap_err2string)
UNREACHABLE(ldap_free_urldesc)
UNREACHABLE(ldap_get_attribute_ber)
UNREACHABLE(ldap_get_dn_ber)
UNREACHABLE(ldap_get_option)
UNREACHABLE(ldap_init_fd)
UNREACHABLE(ldap_memfree)
UNREACHABLE(ldap_msgfree)
UNREACHABLE(ldap_msgtype)
UNREACHABLE(ldap_parse_result)
UNREACHABLE(ldap_parse_sasl_bind_result)
UNREACHABLE(ldap_pvt_url_scheme2proto)
UNREACHABLE(ldap_result)
UNREACHABLE(ldap_sasl_bind)
UNREACHABLE(ldap_search_ext)
UNREACHABLE(ldap_set_option)
UNREACHABLE(ldap_start_tls)
UNREACHABLE(ldap_unbind_ext)

/* --- libpsl ------------------------------------------------------------ */

/* No list, neither the latest nor the built-in one. */
const void *psl_latest(const char *file)
{
    (void)file;
    return NULL;
}

const void *psl_builtin(void)
{
    return NULL;
}

UNREACHABLE(psl_free)
UNREACHABLE(psl_get_version)
UNREACHABLE(psl_is_cookie_domain_acceptable)

/* --- librtmp ----------------------------------------------------------- */

void *RTMP_Alloc(void)
{
    return NULL;
}

UNREACHABLE(RTMP_Close)
UNREACHABLE(RTMP_Connect1)
UNREACHABLE(RTMP_ConnectStream)
UNREACHABLE(RTMP_Free)
UNREACHABLE(RTMP_Init)
UNREACHABLE(RTMP_Read)
UNREACHABLE(RTMP_SetBufferMS)
UNREACHABLE(RTMP_SetupURL)
UNREACHABLE(RTMP_Write)

/* --- libssh2 ----------------------------------------------------------- */

/* curl_global_init fails if this does, so it succeeds; a session cannot be created. */
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

UNREACHABLE(libssh2_agent_connect)
UNREACHABLE(libssh2_agent_disconnect)
UNREACHABLE(libssh2_agent_free)
UNREACHABLE(libssh2_agent_get_identity)
UNREACHABLE(libssh2_agent_init)
UNREACHABLE(libssh2_agent_list_identities)
UNREACHABLE(libssh2_agent_userauth)
UNREACHABLE(libssh2_channel_free)
UNREACHABLE(libssh2_channel_read_ex)
UNREACHABLE(libssh2_channel_send_eof)
UNREACHABLE(libssh2_channel_wait_closed)
UNREACHABLE(libssh2_channel_wait_eof)
UNREACHABLE(libssh2_channel_write_ex)
UNREACHABLE(libssh2_hostkey_hash)
UNREACHABLE(libssh2_knownhost_add)
UNREACHABLE(libssh2_knownhost_checkp)
UNREACHABLE(libssh2_knownhost_del)
UNREACHABLE(libssh2_knownhost_free)
UNREACHABLE(libssh2_knownhost_get)
UNREACHABLE(libssh2_knownhost_init)
UNREACHABLE(libssh2_knownhost_readfile)
UNREACHABLE(libssh2_knownhost_writefile)
UNREACHABLE(libssh2_scp_recv2)
UNREACHABLE(libssh2_scp_send64)
UNREACHABLE(libssh2_session_abstract)
UNREACHABLE(libssh2_session_block_directions)
UNREACHABLE(libssh2_session_callback_set)
UNREACHABLE(libssh2_session_disconnect_ex)
UNREACHABLE(libssh2_session_flag)
UNREACHABLE(libssh2_session_free)
UNREACHABLE(libssh2_session_handshake)
UNREACHABLE(libssh2_session_hostkey)
UNREACHABLE(libssh2_session_last_errno)
UNREACHABLE(libssh2_session_last_error)
UNREACHABLE(libssh2_session_method_pref)
UNREACHABLE(libssh2_session_set_blocking)
UNREACHABLE(libssh2_sftp_close_handle)
UNREACHABLE(libssh2_sftp_init)
UNREACHABLE(libssh2_sftp_last_error)
UNREACHABLE(libssh2_sftp_mkdir_ex)
UNREACHABLE(libssh2_sftp_open_ex)
UNREACHABLE(libssh2_sftp_read)
UNREACHABLE(libssh2_sftp_readdir_ex)
UNREACHABLE(libssh2_sftp_rename_ex)
UNREACHABLE(libssh2_sftp_rmdir_ex)
UNREACHABLE(libssh2_sftp_seek64)
UNREACHABLE(libssh2_sftp_shutdown)
UNREACHABLE(libssh2_sftp_stat_ex)
UNREACHABLE(libssh2_sftp_statvfs)
UNREACHABLE(libssh2_sftp_symlink_ex)
UNREACHABLE(libssh2_sftp_unlink_ex)
UNREACHABLE(libssh2_sftp_write)
UNREACHABLE(libssh2_userauth_authenticated)
UNREACHABLE(libssh2_userauth_keyboard_interactive_ex)
UNREACHABLE(libssh2_userauth_list)
UNREACHABLE(libssh2_userauth_password_ex)
UNREACHABLE(libssh2_userauth_publickey_fromfile_ex)
UNREACHABLE(libssh2_version)

/* --- GSSAPI ------------------------------------------------------------ */

typedef struct gss_buffer {
    size_t length;
    void *value;
} gss_buffer;

enum { GSS_S_COMPLETE = 0 };
static const uint32_t gss_s_unavailable = 16U << 16;

const void *const GSS_C_NT_HOSTBASED_SERVICE = NULL;

/* libcurl imports the peer's name first. It repeats gss_display_status until it gets a message, so
 * there is one. */
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

UNREACHABLE(gss_display_name)
UNREACHABLE(gss_init_sec_context)
UNREACHABLE(gss_inquire_context)
UNREACHABLE(gss_unwrap)
UNREACHABLE(gss_wrap)
