/* Everything that was done to the folder, bytes included, in the order it was done, as a file: from it what is durable, or may
 * be, can be made for any moment and with any sync left out, without running the program again. Must not decide anything.
 *
 * A line each: `there ID KIND PATH` (at the start), `new ID KIND MODE`, `write ID OFFSET LENGTH` and the bytes,
 * `size ID BYTES`, `name FOLDER ID NAME` (ID 0: removed), `move FOLDER FOLDER` and a line for each name, `sync ID KIND SITE MODE PATH`,
 * `told TEXT`. KIND is `d` or `f` of an object. */
#include "powercut.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 4608

static int trace_fd = -1;

bool trace_is_on(void) { return trace_fd >= 0; }

static void put(const void *bytes, size_t length) {
    if (libc_real.write(trace_fd, bytes, length) != (ssize_t)length) die("write", "the trace");
}

__attribute__((format(printf, 1, 2))) static void line(const char *format, ...) {
    char text[LINE_BYTES];
    va_list rest;
    va_start(rest, format);
    int length = vsnprintf(text, sizeof text, format, rest);
    va_end(rest);
    if (length < 0 || length >= LINE_BYTES) die("trace a line of", format);
    put(text, length);
}

static unsigned long long id_of(const struct object *object) { return object ? object->id : 0; }

/* Writes down what is there; from here on everything is. */
void trace_start(void) {
    const char *path = getenv("POWERCUT_TRACE");
    if (!path) return;
    trace_fd = libc_real.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (trace_fd < 0) die("open", path);
    for (size_t bucket = 0; bucket < BUCKETS; bucket++)
        for (struct object *object = buckets[bucket]; object; object = object->next)
            if (!object->unlinked) line("there %llu %c %s\n", id_of(object), object->is_dir ? 'd' : 'f', object->path);
}

void trace_created(const struct object *object, mode_t mode) {
    if (trace_is_on()) line("new %llu %c %o\n", id_of(object), object->is_dir ? 'd' : 'f', (unsigned)(mode & 07777));
}

void trace_bytes(const struct object *object, int fd, int64_t from, int64_t to) {
    bool opened;
    int in = trace_is_on() ? living_open(object, fd, &opened) : -1;
    if (in < 0) return;
    size_t length = to - from;
    char *bytes = malloc(length);
    if (!bytes || pread(in, bytes, length, from) != (ssize_t)length) die("read", object->path);
    line("write %llu %lld %zu\n", id_of(object), (long long)from, length);
    put(bytes, length);
    free(bytes);
    if (opened) close(in);
}

void trace_size(const struct object *object, int64_t size) {
    if (trace_is_on()) line("size %llu %lld\n", id_of(object), (long long)size);
}

void trace_name(const struct object *folder, const char *name, const struct object *object) {
    if (trace_is_on()) line("name %llu %llu %s\n", id_of(folder), id_of(object), name);
}

void trace_moved(const struct object *from, const char *name, const struct object *to, const char *to_name) {
    if (trace_is_on()) line("move %llu %llu\n%s\n%s\n", id_of(from), id_of(to), name, to_name);
}

void trace_synced(const struct object *object, const char *kind, const char *site, mode_t mode) {
    if (trace_is_on()) line("sync %llu %s %s %o %s\n", id_of(object), kind, *site ? site : "@", (unsigned)(mode & 07777), object->path);
}

/* Something left the program that others may rely on. */
void trace_told(const char *what) {
    if (trace_is_on()) line("told %s\n", what);
}
