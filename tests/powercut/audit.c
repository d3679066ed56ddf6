/* Finds what passed beside the shim: system calls made directly, stores to shared mappings. Must be asked while the program
 * is quiet. See powercut.h. */
#include "powercut.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_shared_memory(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, "-shm") == 0;
}

static bool same_where_clean(struct object *object, int fd) {
    char living[4096], durable[4096];
    int twin = twin_open(object);
    bool same = true;
    size_t at = 0;
    for (int64_t offset = 0; same;) {
        while (at < object->dirty_count && object->dirty[at].to <= offset) at++;
        int64_t end = offset + (int64_t)sizeof living;
        if (at < object->dirty_count) {
            if (object->dirty[at].from <= offset) {
                if (object->dirty[at].to == RANGE_OPEN) break;
                offset = object->dirty[at].to;
                continue;
            }
            if (object->dirty[at].from < end) end = object->dirty[at].from;
        }
        ssize_t a = pread(fd, living, end - offset, offset), b = pread(twin, durable, end - offset, offset);
        if (a <= 0 && (b <= 0 || at < object->dirty_count)) break;
        if (a != b || memcmp(living, durable, a) != 0) same = false;
        offset += a;
    }
    close(twin);
    return same;
}

static unsigned audit_folder(int fd, const char *path, FILE *out) {
    unsigned files = 0;
    DIR *listing = fdopendir(fd);
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *name = join(path, entry->d_name);
        struct stat st;
        if (fstatat(dirfd(listing), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            struct object *object = object_of_stat(&st);
            if (!object) fprintf(out, "unseen %s\n", name);
            else if (object->is_dir)
                files += audit_folder(libc_real.openat(dirfd(listing), entry->d_name, O_RDONLY | O_DIRECTORY), name, out);
            else if (++files && !is_shared_memory(name)) {
                int file = libc_real.openat(dirfd(listing), entry->d_name, O_RDONLY);
                if (file < 0 || !same_where_clean(object, file)) fprintf(out, "written unseen %s\n", name);
                if (file >= 0) close(file);
            }
        }
        free(name);
    }
    if (listing) closedir(listing);
    return files;
}

/* Leaves SHADOW/audit: a line per file that changed unseen, then "files N". Renamed into place when complete. Drops the
 * process's POSIX locks, so nothing else may have the folder open. */
void model_audit(void) {
    int shadow = libc_real.open(model_shadow(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = libc_real.openat(shadow, "audit.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *out = fdopen(fd, "w");
    if (!out) die("open", "audit.new");
    unsigned files = audit_folder(libc_real.open(model_root(), O_RDONLY | O_DIRECTORY), ".", out);
    fprintf(out, "files %u\n", files);
    fclose(out);
    libc_real.renameat2(shadow, "audit.new", shadow, "audit", 0);
    close(shadow);
}
