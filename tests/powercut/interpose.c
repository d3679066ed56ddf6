/* Stands before the functions of libc that change files. Every change of a watched file happens under one lock, so that a
 * cut falls between two calls and never inside one. Must not keep state of its own. See powercut.h. */
#include "powercut.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_once_t started = PTHREAD_ONCE_INIT;
static bool watched;

static void *find(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        fprintf(stderr, "powercut: libc has no %s\n", name);
        abort();
    }
    return found;
}

static void start(void) {
    libc_real.open = find("open64");
    libc_real.openat = find("openat64");
    libc_real.write = find("write");
    libc_real.send = find("send");
    libc_real.pwrite = find("pwrite64");
    libc_real.writev = find("writev");
    libc_real.pwritev = find("pwritev64");
    libc_real.ftruncate = find("ftruncate64");
    libc_real.truncate = find("truncate64");
    libc_real.fallocate = find("fallocate64");
    libc_real.posix_fallocate = find("posix_fallocate64");
    libc_real.renameat2 = find("renameat2");
    libc_real.unlinkat = find("unlinkat");
    libc_real.linkat = find("linkat");
    libc_real.mkdirat = find("mkdirat");
    libc_real.fsync = find("fsync");
    libc_real.fdatasync = find("fdatasync");
    libc_real.copy_file_range = find("copy_file_range");
    libc_real.sendfile = find("sendfile64");
    libc_real.mmap = find("mmap64");
    watched = model_start();
}

static bool ready(void) {
    pthread_once(&started, start);
    return watched;
}

/* The command thread only when the program itself starts: nothing before main needs it. */
__attribute__((constructor)) static void at_load(void) {
    if (ready()) points_start();
}

/* ---- writing ---- */

/* Takes the lock and finds the object if `fd` is a watched file; else NULL without the lock. */
static struct object *lock_file(int fd) {
    struct stat st;
    if (!ready() || fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_dev != model_device()) return NULL;
    model_lock();
    struct object *object = object_of_stat(&st);
    if (!object) model_unlock();
    return object;
}

static bool fails(const char *kind, struct object *object) {
    int error = failure_of(kind, object->path);
    if (!error) return false;
    model_unlock();
    errno = error;
    return true;
}

/* After a write of `length` bytes that began at `offset`; gives the lock back. */
static void wrote(struct object *object, int fd, int64_t offset, ssize_t length) {
    int error = errno;
    if (length > 0) {
        object_dirty(object, offset, offset + length);
        trace_bytes(object, fd, offset, offset + length);
        if (offset == 0) log_line("write-start", object->path, "");
        /* O_SYNC contains O_DSYNC. */
        if ((fcntl(fd, F_GETFL) & O_DSYNC) && !sync_is_ignored("sync-write", object->path, "")) {
            object_sync(object, fd);
            trace_synced(object, "sync-write", "", 0600);
        }
        point("after", "write", object->path);
    }
    model_unlock();
    errno = error;
}

/* What goes to others, or to stdout, may be an answer: it is told before it is gone. */
static void tell(int fd) {
    struct stat st;
    if (!ready() || !trace_is_on() || fstat(fd, &st) != 0) return;
    if (!S_ISSOCK(st.st_mode) && fd != STDOUT_FILENO) return;
    model_lock();
    trace_told("answer");
    model_unlock();
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    tell(fd);
    return libc_real.send(fd, bytes, length, flags);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    struct object *object = lock_file(fd);
    if (!object) tell(fd);
    if (!object) return libc_real.write(fd, bytes, length);
    if (fails("write", object)) return -1;
    point("before", "write", object->path);
    ssize_t done = libc_real.write(fd, bytes, length);
    wrote(object, fd, lseek(fd, 0, SEEK_CUR) - (done > 0 ? done : 0), done);
    return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    struct object *object = lock_file(fd);
    if (!object) tell(fd);
    if (!object) return libc_real.writev(fd, parts, count);
    if (fails("write", object)) return -1;
    point("before", "write", object->path);
    ssize_t done = libc_real.writev(fd, parts, count);
    wrote(object, fd, lseek(fd, 0, SEEK_CUR) - (done > 0 ? done : 0), done);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    struct object *object = lock_file(fd);
    if (!object) return libc_real.pwrite(fd, bytes, length, offset);
    if (fails("write", object)) return -1;
    point("before", "write", object->path);
    ssize_t done = libc_real.pwrite(fd, bytes, length, offset);
    wrote(object, fd, offset, done);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return pwrite64(fd, bytes, length, offset); }

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    struct object *object = lock_file(fd);
    if (!object) return libc_real.pwritev(fd, parts, count, offset);
    if (fails("write", object)) return -1;
    point("before", "write", object->path);
    ssize_t done = libc_real.pwritev(fd, parts, count, offset);
    wrote(object, fd, offset, done);
    return done;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    return pwritev64(fd, parts, count, offset);
}

int ftruncate64(int fd, off64_t size) {
    struct object *object = lock_file(fd);
    if (!object) return libc_real.ftruncate(fd, size);
    struct stat st;
    if (fails("truncate", object)) return -1;
    point("before", "truncate", object->path);
    int64_t from = fstat(fd, &st) == 0 && st.st_size < size ? st.st_size : size;
    int result = libc_real.ftruncate(fd, size), error = errno;
    if (result == 0) {
        object_dirty(object, from, RANGE_OPEN);
        trace_size(object, size);
        log_line("truncate", object->path, "");
        point("after", "truncate", object->path);
    }
    model_unlock();
    errno = error;
    return result;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int truncate64(const char *path, off64_t size) {
    if (!ready()) return libc_real.truncate(path, size);
    int fd = libc_real.open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = ftruncate64(fd, size), error = errno;
    close(fd);
    errno = error;
    return result;
}

int truncate(const char *path, off_t size) { return truncate64(path, size); }

/* Which bytes a reservation changed: from the old end on, or, where it punches holes, the range itself. */
static void reserved(struct object *object, int fd, int mode, int64_t old_size, int64_t offset, int64_t length) {
    struct stat st;
    bool grown = fstat(fd, &st) == 0 && st.st_size > old_size;
    if (grown) trace_size(object, st.st_size);
    if (mode & ~FALLOC_FL_KEEP_SIZE) {
        object_dirty(object, offset, offset + length);
        trace_bytes(object, fd, offset, offset + length);
    }
    if (grown) object_dirty(object, old_size, st.st_size);
    model_unlock();
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    struct object *object = lock_file(fd);
    if (!object) return libc_real.fallocate(fd, mode, offset, length);
    struct stat st;
    if (fails("write", object)) return -1;
    fstat(fd, &st);
    int result = libc_real.fallocate(fd, mode, offset, length), error = errno;
    reserved(object, fd, mode, st.st_size, offset, length);
    errno = error;
    return result;
}

int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    struct object *object = lock_file(fd);
    if (!object) return libc_real.posix_fallocate(fd, offset, length);
    struct stat st;
    if (fails("write", object)) return errno;
    fstat(fd, &st);
    int result = libc_real.posix_fallocate(fd, offset, length);
    reserved(object, fd, 0, st.st_size, offset, length);
    return result;
}

int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

ssize_t copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t length, unsigned flags) {
    struct object *object = lock_file(out);
    if (!object) return libc_real.copy_file_range(in, in_offset, out, out_offset, length, flags);
    if (fails("write", object)) return -1;
    int64_t offset = out_offset ? *out_offset : lseek(out, 0, SEEK_CUR);
    ssize_t done = libc_real.copy_file_range(in, in_offset, out, out_offset, length, flags);
    wrote(object, out, offset, done);
    return done;
}

ssize_t sendfile64(int out, int in, off64_t *in_offset, size_t length) {
    struct object *object = lock_file(out);
    if (!object) return libc_real.sendfile(out, in, in_offset, length);
    if (fails("write", object)) return -1;
    int64_t offset = lseek(out, 0, SEEK_CUR);
    ssize_t done = libc_real.sendfile(out, in, in_offset, length);
    wrote(object, out, offset, done);
    return done;
}

ssize_t sendfile(int out, int in, off_t *in_offset, size_t length) { return sendfile64(out, in, in_offset, length); }

/* Stores to a shared mapping cannot be seen. SQLite's -shm is rebuilt after a crash; anything else is a hole in the test. */
void *mmap64(void *where, size_t length, int protection, int flags, int fd, off64_t offset) {
    struct object *object = NULL;
    if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE)) object = lock_file(fd);
    if (object) {
        size_t end = strlen(object->path);
        if (end < 4 || strcmp(object->path + end - 4, "-shm") != 0) log_line("unseen-map", object->path, "");
        model_unlock();
    }
    ready();
    return libc_real.mmap(where, length, protection, flags, fd, offset);
}

void *mmap(void *where, size_t length, int protection, int flags, int fd, off_t offset) {
    return mmap64(where, length, protection, flags, fd, offset);
}

/* ---- syncing ---- */

static int sync_file(int fd, const char *kind, int (*real)(int)) {
    struct stat st;
    char site[SITE_BYTES], note[SITE_BYTES + 8];
    if (!ready() && getenv("POWERCUT_NO_SYNCS")) return 0;
    if (!ready() || fstat(fd, &st) != 0 || st.st_dev != model_device()) return real(fd);
    site_here(site);
    model_lock();
    struct object *object = object_of_stat(&st);
    if (!object) {
        model_unlock();
        return real(fd);
    }
    if (object->is_dir) kind = "fsync-dir";
    if (fails(kind, object)) return -1;
    bool ignored = sync_is_ignored(kind, object->path, site);
    sprintf(note, "%s%s", site, ignored ? " ignored" : "");
    log_line(kind, object->path, note);
    point("before", kind, object->path);
    model_unlock();
    sync_delay(); /* others may write meanwhile, and the power may go */
    model_lock();
    if (!ignored) {
        object_sync(object, fd);
        trace_synced(object, kind, site, st.st_mode);
    }
    point("after", kind, object->path);
    model_unlock();
    return 0;
}

int fsync(int fd) { return sync_file(fd, "fsync", (ready(), libc_real.fsync)); }
int fdatasync(int fd) { return sync_file(fd, "fdatasync", (ready(), libc_real.fdatasync)); }

/* Promises nothing about the disk's own cache or the file's size: as if it had not been called. */
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
    (void)fd, (void)offset, (void)length, (void)flags;
    return 0;
}

void sync(void) {
    if (!ready()) return;
    model_lock();
    log_line("sync", ".", "");
    everything_sync();
    trace_told("sync of everything");
    model_unlock();
}

int syncfs(int fd) {
    (void)fd;
    sync();
    return 0;
}

/* ---- names ---- */

static int open_watched(int dirfd, const char *path, int flags, mode_t mode) {
    char name[NAME_MAX + 1];
    struct stat before, after;
    if (!(flags & (O_CREAT | O_TRUNC))) return libc_real.openat(dirfd, path, flags, mode);
    model_lock();
    struct object *folder = folder_of(dirfd, path, name);
    bool existed = fstatat(dirfd, path, &before, 0) == 0;
    if (folder && !existed) {
        char full[PATH_MAX];
        path_of(folder, name, full);
        int error = failure_of("create", full);
        if (error) {
            model_unlock();
            errno = error;
            return -1;
        }
    }
    int fd = libc_real.openat(dirfd, path, flags, mode), error = errno;
    if (folder && fd >= 0 && fstat(fd, &after) == 0 && S_ISREG(after.st_mode)) {
        if ((flags & O_TMPFILE) == O_TMPFILE) {
            fprintf(stderr, "powercut: O_TMPFILE is not modelled\n");
            abort();
        }
        struct object *object = existed ? object_of_stat(&after) : object_created(folder, name, &after);
        const char *kind = existed ? "truncate" : "create";
        if (object && existed && (flags & O_TRUNC)) {
            object_dirty(object, 0, RANGE_OPEN);
            trace_size(object, 0);
        }
        if (object && (!existed || (flags & O_TRUNC))) {
            log_line(kind, object->path, "");
            point("after", kind, object->path);
        }
    }
    model_unlock();
    errno = error;
    return fd;
}

static mode_t mode_of(int flags, va_list rest) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; }

#define OPEN_BODY(dirfd)                              \
    va_list rest;                                     \
    va_start(rest, flags);                            \
    mode_t mode = mode_of(flags, rest);               \
    va_end(rest);                                     \
    if (!ready()) return libc_real.openat(dirfd, path, flags, mode); \
    return open_watched(dirfd, path, flags, mode);

int open(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD) }
int open64(const char *path, int flags, ...) { OPEN_BODY(AT_FDCWD) }
int openat(int dirfd, const char *path, int flags, ...) { OPEN_BODY(dirfd) }
int openat64(int dirfd, const char *path, int flags, ...) { OPEN_BODY(dirfd) }
int creat(const char *path, mode_t mode) { return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
    char from_name[NAME_MAX + 1], to_name[NAME_MAX + 1];
    struct stat moved, replaced;
    if (!ready()) return libc_real.renameat2(from_fd, from, to_fd, to, flags);
    model_lock();
    struct object *from_folder = folder_of(from_fd, from, from_name), *to_folder = folder_of(to_fd, to, to_name);
    struct object *object = NULL, *old = NULL;
    if (from_folder && to_folder && fstatat(from_fd, from, &moved, AT_SYMLINK_NOFOLLOW) == 0) object = object_of_stat(&moved);
    if (to_folder && fstatat(to_fd, to, &replaced, AT_SYMLINK_NOFOLLOW) == 0) old = object_of_stat(&replaced);
    if (object) {
        char full[PATH_MAX];
        path_of(to_folder, to_name, full);
        int error = failure_of("rename", full);
        if (error) {
            model_unlock();
            errno = error;
            return -1;
        }
        point("before", "rename", full);
    }
    int result = libc_real.renameat2(from_fd, from, to_fd, to, flags), error = errno;
    if (result == 0 && object && object != old) {
        if (old && replaced.st_nlink == 1) old->unlinked = true;
        name_moved(from_folder, from_name, to_folder, to_name, object);
        log_line("rename", object->path, "");
        point("after", "rename", object->path);
    }
    if (result == 0 && !object && (from_folder || to_folder)) log_line("unseen-rename", to, "");
    model_unlock();
    errno = error;
    return result;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to) { return renameat2(from_fd, from, to_fd, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int dirfd, const char *path, int flags) {
    char name[NAME_MAX + 1];
    struct stat st;
    if (!ready()) return libc_real.unlinkat(dirfd, path, flags);
    model_lock();
    struct object *folder = folder_of(dirfd, path, name), *object = NULL;
    if (folder && fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) object = object_of_stat(&st);
    if (object) point("before", "unlink", object->path);
    int result = libc_real.unlinkat(dirfd, path, flags), error = errno;
    if (result == 0 && object) {
        name_removed(folder, name, object, object->is_dir || st.st_nlink == 1);
        log_line("unlink", object->path, "");
        point("after", "unlink", object->path);
    }
    model_unlock();
    errno = error;
    return result;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    char name[NAME_MAX + 1];
    struct stat st;
    if (!ready()) return libc_real.linkat(from_fd, from, to_fd, to, flags);
    model_lock();
    struct object *folder = folder_of(to_fd, to, name), *object = NULL;
    int result = libc_real.linkat(from_fd, from, to_fd, to, flags), error = errno;
    if (result == 0 && folder && fstatat(to_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0) object = object_of_stat(&st);
    if (object) {
        name_linked(folder, name, object);
        log_line("link", object->path, "");
        point("after", "link", object->path);
    }
    model_unlock();
    errno = error;
    return result;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int mkdirat(int dirfd, const char *path, mode_t mode) {
    char name[NAME_MAX + 1];
    struct stat st;
    if (!ready()) return libc_real.mkdirat(dirfd, path, mode);
    model_lock();
    struct object *folder = folder_of(dirfd, path, name);
    int result = libc_real.mkdirat(dirfd, path, mode), error = errno;
    if (result == 0 && folder && fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        struct object *object = object_created(folder, name, &st);
        log_line("mkdir", object->path, "");
        point("after", "mkdir", object->path);
    }
    model_unlock();
    errno = error;
    return result;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
