/* html.c: markup is literal, text from data passes mf_html_text. */
#include "report/html.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

/* Colours by the reader's scheme; --a, --b and --c are those of series (plot.h). Widths suit a
 * screen, a narrow one, and A4 paper. */
static const char head[] =
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
    "'unsafe-inline'\">\n"
    "<style>\n"
    ":root{--ink:#1c2430;--soft:#566070;--line:#d8dde4;--page:#fff;--box:#f5f7f9;--a:#1f63b0;"
    "--b:#c2570c;--c:#6b7280;--warn:#8a5300}\n"
    "@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#a3adba;--line:#3a424d;"
    "--page:#15191f;--box:#1e242c;--a:#7db4f2;--b:#f3a35c;--c:#a3adba;--warn:#f0c070}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
    "main{max-width:1000px;margin:0 auto;padding:24px 20px 48px}\n"
    "h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:0 0 8px;padding-top:28px}"
    "h3{font-size:15px;margin:18px 0 6px}p{margin:6px 0 10px;max-width:46em}"
    ".soft,small{color:var(--soft)}a{color:var(--a)}\n"
    "nav{margin:14px 0 0}nav a{margin-right:14px;white-space:nowrap}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;"
    "margin:16px 0}.tiles div{background:var(--box);border:1px solid var(--line);"
    "border-radius:6px;padding:10px 12px}.tiles b{display:block;font-size:21px;line-height:1.25}"
    ".tiles small{display:block;font-size:12.5px}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));"
    "gap:18px 22px}.plots>p{grid-column:1/-1;order:1}figure{margin:6px "
    "0;min-width:0}figcaption{font-weight:600;font-size:14px}\n"
    "svg{display:block;width:100%;height:auto;overflow:visible}"
    "svg text{font-size:11px;fill:var(--soft);font-family:inherit}"
    "svg .h{paint-order:stroke;stroke:var(--page);stroke-width:3px}"
    "svg .g{font-size:9px}svg .v{fill:var(--ink)}.grid{stroke:var(--line);stroke-width:1}"
    ".axis{stroke:var(--soft);stroke-width:1}.whisker{stroke:var(--ink);stroke-width:1.2}"
    ".mark{stroke:var(--soft);stroke-dasharray:3 3}\n"
    ".l0,.l1,.l2{fill:none;stroke-width:2;stroke-linejoin:round}.l0{stroke:var(--a)}"
    ".l1{stroke:var(--b);stroke-dasharray:6 3}.l2{stroke:var(--c);stroke-dasharray:2 2}"
    ".f0{fill:var(--a)}.f1{fill:var(--b)}.f2{fill:var(--c)}\n"
    ".key{display:flex;flex-wrap:wrap;gap:2px 16px;font-size:12.5px;color:var(--soft);"
    "min-height:19px}.key svg{display:inline-block;width:22px;height:10px;margin-right:5px;"
    "vertical-align:baseline}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:13.5px;margin:6px 0 10px}"
    "th,td{text-align:left;padding:4px 12px 4px 0;border-bottom:1px solid var(--line);"
    "vertical-align:top}th{color:var(--soft);font-weight:600;white-space:nowrap}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td.given{font-weight:600}\n"
    ".warnings{margin:6px 0;padding:0;list-style:none}.warnings li{border-left:3px solid "
    "var(--warn);padding:2px 0 2px 10px;margin:6px 0;overflow-wrap:anywhere}\n"
    ".people{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));"
    "gap:6px 30px}.person{min-width:0}.person td{overflow-wrap:anywhere;line-height:1.35}"
    ".person table{width:100%}.person td{padding:3px 10px 3px 0}.person td small{display:block}"
    "dl{margin:6px 0}dt{font-weight:600;margin-top:8px}"
    "dd{margin:0;max-width:46em}\n"
    "@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--page:#fff;--box:#fff;--a:#1f63b0;"
    "--b:#c2570c;--c:#6b7280;--warn:#8a5300}@page{margin:14mm}nav{display:none}"
    "figure,tr,li,.tiles,.person,h2,h3{break-inside:avoid}h2,h3,dt,h2+p{break-after:avoid}"
    "body{font-size:9.5pt}main{max-width:none;padding:0}.tiles{grid-template-columns:repeat(5,1fr)}"
    ".tiles b{font-size:15pt}.plots,.people{grid-template-columns:1fr 1fr;gap:10px 18px}"
    "table{font-size:8.5pt}td,th{padding:2px 8px 2px 0}.wide{overflow:visible}}\n"
    "</style>\n";

void mf_html_begin(mf_text *page, const char *title)
{
    mf_text_literal(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                          "<title>");
    mf_html_text(page, title, strlen(title));
    mf_text_literal(page, "</title>\n");
    mf_text_append(page, head, sizeof head - 1);
    mf_text_literal(page, "</head>\n<body>\n<main>\n<section>\n");
}

void mf_html_end(mf_text *page)
{
    mf_text_literal(page, "</section>\n</main>\n</body>\n</html>\n");
}

void mf_html_section(mf_text *page, const char *id, const char *title)
{
    mf_text_format(page, "</section>\n<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
}

static void escape(mf_text *page, const char *c, size_t n_bytes)
{
    if (n_bytes == 0 || mf_utf8_is_control(c, n_bytes))
        mf_text_literal(page, "\xEF\xBF\xBD");
    else if (*c == '&')
        mf_text_literal(page, "&amp;");
    else if (*c == '<')
        mf_text_literal(page, "&lt;");
    else if (*c == '>')
        mf_text_literal(page, "&gt;");
    else if (*c == '"')
        mf_text_literal(page, "&quot;");
    else if (*c == '\'')
        mf_text_literal(page, "&#39;");
    else
        mf_text_append(page, c, n_bytes);
}

void mf_html_short_text(mf_text *page, const char *bytes, size_t n_bytes, size_t n_most)
{
    for (size_t i = 0; i < n_bytes;) {
        const size_t length = mf_utf8_length(bytes + i, n_bytes - i);
        const size_t next = i + (length > 0 ? length : 1);
        if (next > n_most) {
            mf_text_literal(page, "…");
            return;
        }
        escape(page, bytes + i, length);
        i = next;
    }
}

void mf_html_text(mf_text *page, const char *bytes, size_t n_bytes)
{
    mf_html_short_text(page, bytes, n_bytes, n_bytes);
}

void mf_html_count(mf_text *page, uint64_t n)
{
    if (n >= 1000) {
        mf_html_count(page, n / 1000);
        mf_text_format(page, ",%03u", (unsigned)(n % 1000));
    } else {
        mf_text_count(page, n);
    }
}

void mf_html_table_begin(mf_text *page, const char *const *heads, size_t n_heads)
{
    mf_text_literal(page, "<div class=\"wide\"><table>\n<thead><tr>");
    for (size_t h = 0; h < n_heads; h++) {
        mf_text_literal(page, "<th scope=\"col\">");
        mf_html_text(page, heads[h], strlen(heads[h]));
        mf_text_literal(page, "</th>");
    }
    mf_text_literal(page, "</tr></thead>\n<tbody>\n");
}

void mf_html_table_end(mf_text *page)
{
    mf_text_literal(page, "</tbody>\n</table></div>\n");
}

void mf_html_cell(mf_text *page, const char *text)
{
    mf_text_literal(page, "<td>");
    mf_html_text(page, text, strlen(text));
    mf_text_literal(page, "</td>");
}

void mf_html_number(mf_text *page, const char *format, ...)
{
    char text[64];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    mf_text_literal(page, "<td class=\"n\">");
    mf_html_text(page, text, strlen(text));
    mf_text_literal(page, "</td>");
}

void mf_html_count_cell(mf_text *page, uint64_t n)
{
    mf_text_literal(page, "<td class=\"n\">");
    mf_html_count(page, n);
    mf_text_literal(page, "</td>");
}
