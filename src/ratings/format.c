/* format.c: magic numbers and first lines. Each sentence says what the file is, and one command
 * that makes CSV of it. */
#include "ratings/format.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

typedef struct magic {
    const char *bytes;
    size_t n_bytes;
    const char *sentence;
} magic;

#define MAGIC(text) (text), sizeof(text) - 1

/* Commands that several formats share. */
#define PANDAS(read)                                                                               \
    "python3 -c \"import pandas; pandas." read ".to_csv('ratings.csv', index=False)\""
#define AS_CSV "give the ratings it was made of as CSV with the columns user, item, rating"

#define UTF32(name) "UTF-32; convert it: iconv -f " name " -t utf-8 in.csv > ratings.csv"
#define ZLIB                                                                                       \
    "a zlib stream (deflate); unpack it: python3 -c \"import sys, zlib; "                          \
    "sys.stdout.buffer.write(zlib.decompress(sys.stdin.buffer.read()))\" < in > ratings.csv"

static const magic magics[] = {
    {MAGIC("PAR1"), "Parquet; convert it: " PANDAS("read_parquet('in.parquet')")},
    {MAGIC("ARROW1"), "Arrow (Feather); convert it: " PANDAS("read_feather('in.arrow')")},
    {MAGIC("\xFF\xFF\xFF\xFF"),
     "an Arrow stream; convert it: python3 -c \"import pyarrow as p; "
     "p.ipc.open_stream('in').read_pandas().to_csv('ratings.csv', index=False)\""},
    {MAGIC("FEA1"), "Feather; convert it: " PANDAS("read_feather('in')")},
    {MAGIC("ORC"), "ORC; convert it: " PANDAS("read_orc('in.orc')")},
    {MAGIC("Obj\x01"), "Avro; convert it to JSON Lines: fastavro in.avro > ratings.json"},
    {MAGIC("\n#\xD7\xCE"), "RecordIO-protobuf; " AS_CSV " and the content type text/csv"},
    {MAGIC("\xCE\xD7#\n"), "RecordIO-protobuf; " AS_CSV " and the content type text/csv"},
    {MAGIC("\xD0\xCF\x11\xE0"),
     "an Excel workbook (xls); convert it to CSV: " PANDAS("read_excel('in.xls')")},
    {MAGIC("BZh"), "bzip2; unpack it: bzip2 -d ratings.csv.bz2"},
    {MAGIC("\xFD"
           "7zXZ"),
     "xz; unpack it: xz -d ratings.csv.xz"},
    {MAGIC("\x04\x22\x4D\x18"), "lz4; unpack it: lz4 -d ratings.csv.lz4"},
    {MAGIC("7z\xBC\xAF"), "a 7z archive; unpack it: 7z x ratings.7z"},
    {MAGIC("Rar!"), "a RAR archive; unpack it: unrar x ratings.rar"},
    {MAGIC("\x89HDF"), "HDF5; convert it: " PANDAS("read_hdf('in.h5')")},
    {MAGIC("\x93NUMPY"), "a NumPy array; convert it: python3 -c \"import numpy; "
                         "numpy.savetxt('ratings.csv', numpy.load('in.npy'), '%g', ',')\""},
    {MAGIC("SQLite format 3"), "a SQLite database; export the table: sqlite3 -header -csv in.db "
                               "'select * from ratings' > ratings.csv"},
    {MAGIC("\x80\x02"), "a pickle; convert it: " PANDAS("read_pickle('in')")},
    {MAGIC("\x80\x03"), "a pickle; convert it: " PANDAS("read_pickle('in')")},
    {MAGIC("\x80\x04"), "a pickle; convert it: " PANDAS("read_pickle('in')")},
    {MAGIC("\x80\x05"), "a pickle; convert it: " PANDAS("read_pickle('in')")},
    {MAGIC("RDX"), "an R data file; in R: write.csv(ratings, 'ratings.csv', row.names = FALSE)"},
    {MAGIC("X\n\0\0\0"),
     "an R object (RDS); in R: write.csv(readRDS('in.rds'), 'ratings.csv', row.names = FALSE)"},
    {MAGIC("\x1F\x8B"), "gzip inside gzip; unpack it once: gzip -d ratings.csv.gz"},
    {MAGIC("\x1F\x9D"), "compress (.Z); unpack it: gzip -d ratings.csv.Z"},
    {MAGIC("MATLAB 5.0"), "a MATLAB file; convert a variable of three columns: python3 -c \"import "
                          "numpy, scipy.io as s; numpy.savetxt('ratings.csv', "
                          "s.loadmat('in.mat')['ratings'], '%g', ',')\""},
    {MAGIC("%PDF"), "a PDF; " AS_CSV},
    {MAGIC("\xFF\xFE\0\0"), UTF32("utf-32")},
    {MAGIC("\0\0\xFE\xFF"), UTF32("utf-32")},
    {MAGIC("x\x01"), ZLIB},
    {MAGIC("x\x9C"), ZLIB},
    {MAGIC("x\xDA"), ZLIB},
    {MAGIC("\xFF\x06\0\0sNaPpY"), "snappy; unpack it: python3 -m snappy -d in.sz ratings.csv"},
    {MAGIC("\x82SNAPPY\0"), "snappy-java blocks; write the file without compression, or as gzip"},
};

static const char zip[] = "a zip archive; unpack it: unzip ratings.zip";
static const char xlsx[] =
    "an Excel workbook (xlsx); convert it to CSV: " PANDAS("read_excel('in.xlsx')");
static const char tar[] = "a tar archive; unpack it: tar -xf ratings.tar";
static const char netflix[] =
    "Netflix Prize blocks (\"1:\", then user,rating,date); convert it: awk -F, "
    "'/:$/{m=substr($0,1,length($0)-1);next}{print $1\",\"m\",\"$2\",\"$3}' in > ratings.csv";
static const char python[] =
    "Python dictionaries, not JSON; convert it: python3 -c \"import ast,json,sys; "
    "[print(json.dumps(ast.literal_eval(l))) for l in sys.stdin]\" < in > out.json";
static const char manifest[] =
    "a SageMaker manifest, a list of S3 objects; name it in the channel's data source "
    "(S3DataType ManifestFile), or put the files that it lists into the channel";
static const char augmented[] =
    "an augmented manifest, lines that name S3 objects; put those objects, as CSV with the columns "
    "user, item, rating, into the channel";
static const char xml[] = "XML or HTML; " AS_CSV;
static const char arff[] = "ARFF; convert it to CSV: grep -v '^[@%]' ratings.arff > ratings.csv";
static const char matrix_array[] =
    "a dense MatrixMarket array; convert it: python3 -c \"import scipy.io as s, scipy.sparse as p; "
    "s.mmwrite('ratings.mtx', p.coo_matrix(s.mmread('in.mtx')))\" writes coordinates";
static const char matrix_symmetric[] =
    "a symmetric MatrixMarket matrix, of which one half is written: it is not of users and items; "
    "write it as general";
static const char matrix_complex[] = "a MatrixMarket matrix of complex numbers; write it as real";
static const char zlib[] = ZLIB;
static const char libsvm[] =
    "libsvm rows (rating user:1 item:1); convert them: awk '{split($2,u,\":\"); split($3,i,\":\"); "
    "print u[1]\",\"i[1]\",\"$1}' in > ratings.csv";

static const char libffm[] =
    "libffm rows (rating field:user:1 field:item:1); convert them: awk '{split($2,u,\":\"); "
    "split($3,i,\":\"); print u[2]\",\"i[2]\",\"$1}' in > ratings.csv";
static const char arrays[] =
    "JSON arrays; convert them to CSV: jq -r '.[] | @csv' in > ratings.csv";
static const char array_lines[] = "JSON arrays; convert them to CSV: jq -r '@csv' in > ratings.csv";
static const char konect[] =
    "a KONECT file; remove its lines of comments: grep -v '^%' in > ratings.txt";

static bool begins(const char *head, size_t n_head, const char *text)
{
    const size_t n = strlen(text);
    return n_head >= n && strncasecmp(head, text, n) == 0;
}

static size_t digits(const char *head, size_t n_head, size_t at)
{
    size_t n = 0;
    while (at + n < n_head && isdigit((unsigned char)head[at + n]))
        n++;
    return n;
}

/* "1:" alone on the first line, then "1488844,3". */
static bool is_netflix(const char *head, size_t n_head)
{
    size_t at = digits(head, n_head, 0);
    if (at == 0 || at + 2 >= n_head || head[at] != ':')
        return false;
    at++;
    at += head[at] == '\r';
    if (at >= n_head || head[at++] != '\n')
        return false;
    const size_t n = digits(head, n_head, at);
    return n > 0 && at + n < n_head && head[at + n] == ',';
}

/* "4 12:1 99:0.5" is libsvm, "4 0:12:1 1:99:1" libffm. */
static const char *name_libsvm(const char *head, size_t n_head)
{
    size_t at = 0;
    while (at < n_head && (isdigit((unsigned char)head[at]) || strchr("+-.", head[at])) &&
           head[at] != '\0')
        at++;
    if (at == 0 || at >= n_head || head[at] != ' ')
        return NULL;
    const size_t n = digits(head, n_head, at + 1);
    at += 1 + n;
    if (n == 0 || at + 1 >= n_head || head[at] != ':' || !isdigit((unsigned char)head[at + 1]))
        return NULL;
    at += 1 + digits(head, n_head, at + 1);
    return at < n_head && head[at] == ':' ? libffm : libsvm;
}

static bool holds(const char *head, size_t n_head, const char *text)
{
    return memmem(head, n_head, text, strlen(text)) != NULL;
}

static size_t after_blanks(const char *head, size_t n_head, size_t at)
{
    while (at < n_head && isspace((unsigned char)head[at]))
        at++;
    return at;
}

static size_t line_bytes(const char *text, size_t n_bytes)
{
    const char *end = memchr(text, '\n', n_bytes);
    return end != NULL ? (size_t)(end - text) : n_bytes;
}

/* "@relation", below lines of comments. */
static bool is_arff(const char *head, size_t n_head, size_t at)
{
    while (at < n_head && head[at] == '%' && !begins(head + at, n_head - at, "%%MatrixMarket"))
        at = after_blanks(head, n_head, at + line_bytes(head + at, n_head - at));
    return begins(head + at, n_head - at, "@relation");
}

/* ["a", "x", 3] alone on its line. */
static bool is_array_line(const char *line, size_t n_bytes)
{
    while (n_bytes > 0 && (isspace((unsigned char)line[n_bytes - 1]) || line[n_bytes - 1] == ','))
        n_bytes--;
    return n_bytes > 3 && line[0] == '[' && memchr(line, ']', n_bytes) == line + n_bytes - 1 &&
           memchr(line, ',', n_bytes) != NULL;
}

/* "% bip weighted": comments of a KONECT file. */
static bool is_konect(const char *head, size_t n_head)
{
    if (head[0] != '%')
        return false;
    const size_t at = after_blanks(head, n_head, 1);
    return at > 1 &&
           (begins(head + at, n_head - at, "bip ") || begins(head + at, n_head - at, "sym ") ||
            begins(head + at, n_head - at, "asym "));
}

/* UTF-32 without a byte order mark: of the first characters three bytes each are 0. */
static const char *name_utf32(const char *head, size_t n_head)
{
    for (size_t first = 0; n_head >= 16 && first <= 3; first += 3) {
        size_t n = 0;
        for (size_t at = 0; at < 16; at++)
            n += at % 4 == first ? head[at] != '\0' && (head[at] & 0x80) == 0 : head[at] == '\0';
        if (n == 16)
            return first == 0 ? UTF32("utf-32le") : UTF32("utf-32be");
    }
    return NULL;
}

static const char *refused_json(const char *head, size_t n_head, size_t first)
{
    if (head[first] == '{') {
        const size_t key = after_blanks(head, n_head, first + 1);
        if (key < n_head &&
            (head[key] == '\'' || (head[key] == 'u' && key + 1 < n_head && head[key + 1] == '\'')))
            return python;
        return holds(head + first, line_bytes(head + first, n_head - first), "\"source-ref\"")
                   ? augmented
                   : NULL;
    }
    const size_t inner = after_blanks(head, n_head, first + 1);
    if (inner < n_head && head[inner] == '[')
        return arrays;
    if (inner < n_head && head[inner] != '{' &&
        is_array_line(head + first, line_bytes(head + first, n_head - first)))
        return array_lines;
    return inner < n_head && head[inner] == '{' &&
                   holds(head + inner, n_head - inner, "\"prefix\"") &&
                   holds(head + inner, n_head - inner, "s3://")
               ? manifest
               : NULL;
}

const char *mf_format_refused(const char *head, size_t n_head)
{
    for (size_t m = 0; m < sizeof magics / sizeof magics[0]; m++)
        if (n_head >= magics[m].n_bytes && memcmp(head, magics[m].bytes, magics[m].n_bytes) == 0)
            return magics[m].sentence;
    if (n_head >= 4 && memcmp(head, "PK\x03\x04", 4) == 0)
        return holds(head, n_head, "xl/") || holds(head, n_head, "[Content_Types].xml") ? xlsx
                                                                                        : zip;
    const char *utf32 = name_utf32(head, n_head);
    if (utf32 != NULL)
        return utf32;
    /* The fastest level of zlib begins with a text's "x^". */
    if (n_head > 2 && head[0] == 'x' && head[1] == '^' &&
        mf_utf8_valid_bytes(head, n_head < 64 ? n_head : 64) < 32)
        return zlib;
    if (n_head > 262 && memcmp(head + 257, "ustar", 5) == 0)
        return tar;
    const size_t first = after_blanks(head, n_head, 0);
    if (first == n_head)
        return NULL;
    if (is_netflix(head + first, n_head - first))
        return netflix;
    if (head[first] == '{' || head[first] == '[')
        return refused_json(head, n_head, first);
    if (begins(head + first, n_head - first, "<?xml") ||
        begins(head + first, n_head - first, "<!doctype") ||
        begins(head + first, n_head - first, "<html"))
        return xml;
    if (is_arff(head, n_head, first))
        return arff;
    if (begins(head + first, n_head - first, "%%MatrixMarket matrix array"))
        return matrix_array;
    if (begins(head + first, n_head - first, "%%MatrixMarket") &&
        holds(head + first, line_bytes(head + first, n_head - first), "symmetric"))
        return matrix_symmetric;
    if (begins(head + first, n_head - first, "%%MatrixMarket matrix coordinate complex"))
        return matrix_complex;
    if (is_konect(head + first, n_head - first))
        return konect;
    return name_libsvm(head + first, n_head - first);
}
