/* replay.c: runs a fuzz target once on every file of the folders that are named
 * on the command line, so that seeds and past crashes are tests everywhere. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    fseek(file, 0, SEEK_END);
    const size_t n_bytes = (size_t)ftell(file);
    rewind(file);
    /* Exactly as large as the input, so that the sanitizer sees one byte over. */
    uint8_t *bytes = malloc(n_bytes > 0 ? n_bytes : 1);
    if (bytes == NULL || fread(bytes, 1, n_bytes, file) != n_bytes) {
        perror(path);
        free(bytes);
        fclose(file);
        return 1;
    }
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, n_bytes);
    free(bytes);
    return 0;
}

int main(int argc, char **argv)
{
    size_t n_files = 0;
    for (int a = 1; a < argc; a++) {
        DIR *folder = opendir(argv[a]);
        if (folder == NULL) {
            perror(argv[a]);
            return 1;
        }
        for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
            if (entry->d_name[0] == '.')
                continue;
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[a], entry->d_name);
            if (replay_file(path) != 0)
                return 1;
            n_files++;
        }
        closedir(folder);
    }
    printf("%zu inputs replayed\n", n_files);
    return n_files > 0 ? 0 : 1;
}
