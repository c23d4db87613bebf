/* curl_stubs.c: stubs for the libraries that Debian's libcurl.a needs and our functions do not:
 * brotli, zstd, HTTP/2, IDN, LDAP, public suffixes, RTMP, SSH, Kerberos.
 *
 * Debian builds libcurl.a for 28 protocols. Our functions use HTTP/1.1 and HTTPS only
 * (lambda/aws/request.c). With the real libraries a zip has 8 MB instead of 4, and a start loads 35
 * files instead of 3. Some of them have no static form either.
 *
 * (1) The function of each library that libcurl calls first fails with that library's own
 *     error. When a peer requires the library (a Transfer-Encoding of "br", a proxy with
 *     Kerberos), libcurl returns an error and the function continues.
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

#define STUB(name)                                                                                 \
    void name(void);                                                                               \
    void name(void)                                                                                \
    {                                                                                              \
        abort_in(#name, sizeof #name - 1);                                                         \
    }

/* clang-format off */

/* --- brotli ------------------------------------------------------------ */

/* No decoder: libcurl rejects the response with CURLE_OUT_OF_MEMORY. */
void *BrotliDecoderCreateInstance(void *allocate, void *release, void *context)
{
    (void)allocate, (void)release, (void)context;
    return NULL;
}

STUB(BrotliDecoderDecompressStream) STUB(BrotliDecoderDestroyInstance)
STUB(BrotliDecoderGetErrorCode) STUB(BrotliDecoderVersion)

/* --- zstd -------------------------------------------------------------- */

void *ZSTD_createDStream(void)
{
    return NULL;
}

STUB(ZSTD_decompressStream) STUB(ZSTD_freeDStream) STUB(ZSTD_isError) STUB(ZSTD_versionNumber)

/* --- nghttp2 ----------------------------------------------------------- */

/* NGHTTP2_ERR_NOMEM: a session begins with its callbacks. */
int nghttp2_session_callbacks_new(void **callbacks)
{
    *callbacks = NULL;
    return -901;
}

STUB(nghttp2_http2_strerror) STUB(nghttp2_is_fatal) STUB(nghttp2_option_del)
STUB(nghttp2_option_new) STUB(nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation)
STUB(nghttp2_pack_settings_payload) STUB(nghttp2_priority_spec_init)
STUB(nghttp2_session_callbacks_del) STUB(nghttp2_session_callbacks_set_error_callback)
STUB(nghttp2_session_callbacks_set_on_begin_headers_callback)
STUB(nghttp2_session_callbacks_set_on_data_chunk_recv_callback)
STUB(nghttp2_session_callbacks_set_on_frame_recv_callback)
STUB(nghttp2_session_callbacks_set_on_header_callback)
STUB(nghttp2_session_callbacks_set_on_stream_close_callback)
STUB(nghttp2_session_callbacks_set_send_callback) STUB(nghttp2_session_check_request_allowed)
STUB(nghttp2_session_client_new2) STUB(nghttp2_session_del)
STUB(nghttp2_session_get_remote_settings) STUB(nghttp2_session_get_remote_window_size)
STUB(nghttp2_session_get_stream_remote_window_size) STUB(nghttp2_session_get_stream_user_data)
STUB(nghttp2_session_mem_recv) STUB(nghttp2_session_resume_data) STUB(nghttp2_session_send)
STUB(nghttp2_session_set_local_window_size) STUB(nghttp2_session_set_stream_user_data)
STUB(nghttp2_session_upgrade2) STUB(nghttp2_session_want_read) STUB(nghttp2_session_want_write)
STUB(nghttp2_strerror) STUB(nghttp2_submit_ping) STUB(nghttp2_submit_priority)
STUB(nghttp2_submit_request) STUB(nghttp2_submit_rst_stream) STUB(nghttp2_submit_settings)
STUB(nghttp2_version)

/* --- libidn2 ----------------------------------------------------------- */

/* No version is new enough: libcurl uses host names unchanged. */
const char *idn2_check_version(const char *wanted)
{
    (void)wanted;
    return NULL;
}

STUB(idn2_free) STUB(idn2_lookup_ul)

/* --- OpenLDAP ---------------------------------------------------------- */

/* LDAP_NO_MEMORY: libcurl parses the URL first. */
int ldap_url_parse(const char *url, void **parts)
{
    (void)url;
    *parts = NULL;
    return 0x5a;
}

STUB(ber_bvfree) STUB(ber_free) STUB(ber_memfree) STUB(ber_memvfree) STUB(ber_sockbuf_add_io)
STUB(ldap_abandon_ext) STUB(ldap_err2string) STUB(ldap_free_urldesc) STUB(ldap_get_attribute_ber)
STUB(ldap_get_dn_ber) STUB(ldap_get_option) STUB(ldap_init_fd) STUB(ldap_memfree)
STUB(ldap_msgfree) STUB(ldap_msgtype) STUB(ldap_parse_result) STUB(ldap_parse_sasl_bind_result)
STUB(ldap_pvt_url_scheme2proto) STUB(ldap_result) STUB(ldap_sasl_bind) STUB(ldap_search_ext)
STUB(ldap_set_option) STUB(ldap_start_tls) STUB(ldap_unbind_ext)

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

STUB(psl_free) STUB(psl_get_version) STUB(psl_is_cookie_domain_acceptable)

/* --- librtmp ----------------------------------------------------------- */

void *RTMP_Alloc(void)
{
    return NULL;
}

STUB(RTMP_Close) STUB(RTMP_Connect1) STUB(RTMP_ConnectStream) STUB(RTMP_Free) STUB(RTMP_Init)
STUB(RTMP_Read) STUB(RTMP_SetBufferMS) STUB(RTMP_SetupURL) STUB(RTMP_Write)

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

STUB(libssh2_agent_connect) STUB(libssh2_agent_disconnect) STUB(libssh2_agent_free)
STUB(libssh2_agent_get_identity) STUB(libssh2_agent_init) STUB(libssh2_agent_list_identities)
STUB(libssh2_agent_userauth) STUB(libssh2_channel_free) STUB(libssh2_channel_read_ex)
STUB(libssh2_channel_send_eof) STUB(libssh2_channel_wait_closed) STUB(libssh2_channel_wait_eof)
STUB(libssh2_channel_write_ex) STUB(libssh2_hostkey_hash) STUB(libssh2_knownhost_add)
STUB(libssh2_knownhost_checkp) STUB(libssh2_knownhost_del) STUB(libssh2_knownhost_free)
STUB(libssh2_knownhost_get) STUB(libssh2_knownhost_init) STUB(libssh2_knownhost_readfile)
STUB(libssh2_knownhost_writefile) STUB(libssh2_scp_recv2) STUB(libssh2_scp_send64)
STUB(libssh2_session_abstract) STUB(libssh2_session_block_directions)
STUB(libssh2_session_callback_set) STUB(libssh2_session_disconnect_ex) STUB(libssh2_session_flag)
STUB(libssh2_session_free) STUB(libssh2_session_handshake) STUB(libssh2_session_hostkey)
STUB(libssh2_session_last_errno) STUB(libssh2_session_last_error) STUB(libssh2_session_method_pref)
STUB(libssh2_session_set_blocking) STUB(libssh2_sftp_close_handle) STUB(libssh2_sftp_init)
STUB(libssh2_sftp_last_error) STUB(libssh2_sftp_mkdir_ex) STUB(libssh2_sftp_open_ex)
STUB(libssh2_sftp_read) STUB(libssh2_sftp_readdir_ex) STUB(libssh2_sftp_rename_ex)
STUB(libssh2_sftp_rmdir_ex) STUB(libssh2_sftp_seek64) STUB(libssh2_sftp_shutdown)
STUB(libssh2_sftp_stat_ex) STUB(libssh2_sftp_statvfs) STUB(libssh2_sftp_symlink_ex)
STUB(libssh2_sftp_unlink_ex) STUB(libssh2_sftp_write) STUB(libssh2_userauth_authenticated)
STUB(libssh2_userauth_keyboard_interactive_ex) STUB(libssh2_userauth_list)
STUB(libssh2_userauth_password_ex) STUB(libssh2_userauth_publickey_fromfile_ex)
STUB(libssh2_version)

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

STUB(gss_display_name) STUB(gss_init_sec_context) STUB(gss_inquire_context) STUB(gss_unwrap)
STUB(gss_wrap)
    /* clang-format on */
