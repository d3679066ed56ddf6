/* powercut: what a file system still holds after the power went, as a library to preload.
 *
 * Every file and folder under POWERCUT_ROOT has a durable twin under POWERCUT_SHADOW, and only what was synced reaches the
 * twin: a file's bytes by fsync or fdatasync of the file, a name (new, renamed, removed) by fsync of its folder. So
 * POWERCUT_SHADOW/tree is at every moment exactly what a power cut would leave, and SIGKILL is the power cut. Real syncs
 * are not performed: they would only make the tests slow.
 *
 * model.c keeps the twins, and adopt.c takes over what is there at the start; points.c says where to cut, what to ignore and
 * what to fail; trace.c writes down all that was done; audit.c finds what was not seen; interpose.c stands before libc. This
 * must not be linked into anything that is shipped. It sees libc's functions only: a program that makes system calls of its
 * own would pass beside it, which is what the command "audit" finds out. */
#ifndef POWERCUT_H
#define POWERCUT_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The end of a range that reaches to the end of the file, wherever that will be. */
#define RANGE_OPEN INT64_MAX
/* What a disk writes as a whole. */
#define SECTOR_BYTES 512

struct range {
    int64_t from, to;
};

/* "@" and eight hexadecimal digits: from where in the program a sync was called. */
#define SITE_BYTES 10

/* A file or folder, by inode: names come and go, the object stays. */
struct object {
    uint64_t id;
    ino_t ino;
    bool is_dir;
    bool unlinked;       /* has no name in the living tree any more */
    char *path;          /* its newest name, relative to the root; for patterns and logs only */
    ino_t old_twin;      /* its twin under an earlier process, if there was one */
    int shadow_fd;       /* folders: the open twin; files: -1 */
    struct range *dirty; /* where the twin may differ; sorted, disjoint */
    size_t dirty_count, dirty_room;
    struct object *next;
};

/* The functions of libc behind the interposed ones. */
struct libc {
    int (*open)(const char *, int, ...);
    int (*openat)(int, const char *, int, ...);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*send)(int, const void *, size_t, int);
    ssize_t (*pwrite)(int, const void *, size_t, off_t);
    ssize_t (*writev)(int, const struct iovec *, int);
    ssize_t (*pwritev)(int, const struct iovec *, int, off_t);
    int (*ftruncate)(int, off_t);
    int (*truncate)(const char *, off_t);
    int (*fallocate)(int, int, off_t, off_t);
    int (*posix_fallocate)(int, off_t, off_t);
    int (*renameat2)(int, const char *, int, const char *, unsigned);
    int (*unlinkat)(int, const char *, int);
    int (*linkat)(int, const char *, int, const char *, int);
    int (*mkdirat)(int, const char *, mode_t);
    int (*fsync)(int);
    int (*fdatasync)(int);
    ssize_t (*copy_file_range)(int, off_t *, int, off_t *, size_t, unsigned);
    ssize_t (*sendfile)(int, int, off_t *, size_t);
    void *(*mmap)(void *, size_t, int, int, int, off_t);
};
extern struct libc libc_real;

/* Two numbers and a dash: the name of a twin. */
#define OBJECT_FILE_BYTES 44
#define BUCKETS 4096
/* All living objects, by inode. */
extern struct object *buckets[BUCKETS];

/* model.c. All but model_start expect the lock to be held. */
bool model_start(void); /* true when this process is watched */
void model_lock(void);
void model_unlock(void);
dev_t model_device(void);
struct object *object_of_fd(int fd);
struct object *object_of_stat(const struct stat *st);
struct object *folder_of(int dirfd, const char *path, char *name /* NAME_MAX + 1 */);
void path_of(const struct object *folder, const char *name, char *path /* PATH_MAX */);
struct object *object_created(struct object *folder, const char *name, const struct stat *st);
void object_dirty(struct object *object, int64_t from, int64_t to);
int living_open(const struct object *object, int fd, bool *opened);
void object_sync(struct object *object, int fd);
void name_set(struct object *folder, const char *name, struct object *object);
void name_linked(struct object *folder, const char *name, struct object *object);
void name_removed(struct object *folder, const char *name, struct object *object, bool last);
void name_moved(struct object *from, const char *from_name, struct object *to, const char *to_name,
                struct object *object);
void everything_sync(void);
void some_survive(uint64_t seed);
const char *model_shadow(void);
const char *model_root(void);

/* model.c, for adopt.c and audit.c. */
void die(const char *what, const char *name) __attribute__((noreturn));
char *join(const char *folder, const char *name);
struct object *object_new(const char *path, const struct stat *st);
int twin_open(const struct object *object);
void twin_set(struct object *folder, const char *name, struct object *object);
bool twin_is_at(struct object *folder, const char *name, struct object *object);
void copy_range(int in, int out, int64_t from, int64_t to, const char *name);

/* adopt.c */
void adopt(struct object *top);

/* trace.c. Expects the lock to be held. `fd` is the program's own descriptor, or -1. */
void trace_start(void);
bool trace_is_on(void);
void trace_created(const struct object *object, mode_t mode);
void trace_bytes(const struct object *object, int fd, int64_t from, int64_t to);
void trace_size(const struct object *object, int64_t size);
void trace_name(const struct object *folder, const char *name, const struct object *object);
void trace_moved(const struct object *from, const char *name, const struct object *to, const char *to_name);
void trace_synced(const struct object *object, const char *kind, const char *site, mode_t mode);
void trace_told(const char *what);

/* audit.c */
void model_audit(void);

/* points.c */
void points_start(void);
bool sync_is_ignored(const char *kind, const char *path, const char *site);
void site_here(char *site /* SITE_BYTES */);
int failure_of(const char *kind, const char *path); /* an errno, or 0 */
void point(const char *when, const char *kind, const char *path);
void log_line(const char *kind, const char *path, const char *note);
void sync_delay(void);

#endif
