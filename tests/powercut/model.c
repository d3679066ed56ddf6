/* The durable twins of files, folders and names. Must not decide when to cut or what to fail (points.c), and must not be
 * called without the lock. See powercut.h. */
#include "powercut.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPY_BYTES 65536

/* A change of names that its folder's sync has not yet made durable. */
struct pending {
    enum { SET, REMOVED, MOVED } kind;
    struct object *folder, *to_folder;
    char *name, *to_name;
    struct object *object;
    bool from_done, to_done; /* halves of a move between two folders */
    struct pending *next;
};

struct libc libc_real;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *root, *shadow;
static dev_t device;
static int shadow_fd = -1, tree_fd = -1, objects_fd = -1, floating_fd = -1, scratch_fd = -1;
struct object *buckets[BUCKETS];
static struct pending *first_pending, **last_pending = &first_pending;
static uint64_t next_id = 1;

void model_lock(void) { pthread_mutex_lock(&lock); }
void model_unlock(void) { pthread_mutex_unlock(&lock); }
dev_t model_device(void) { return device; }
const char *model_shadow(void) { return shadow; }
const char *model_root(void) { return root; }

void die(const char *what, const char *name) {
    fprintf(stderr, "powercut: %s %s: %s\n", what, name ? name : "", strerror(errno));
    abort();
}

/* High, so that the program's own numbers stay as they would be. */
static int keep_fd(int fd, const char *name) {
    if (fd < 0) die("cannot open", name);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 600);
    if (high < 0) return fd;
    close(fd);
    return high;
}

char *join(const char *folder, const char *name) {
    char *path;
    if (strcmp(folder, ".") == 0) path = strdup(name);
    else if (asprintf(&path, "%s/%s", folder, name) < 0) path = NULL;
    if (!path) die("no memory", name);
    return path;
}

/* ---- objects ---- */

struct object *object_of_stat(const struct stat *st) {
    if (st->st_dev != device) return NULL;
    struct object *object = buckets[st->st_ino % BUCKETS];
    while (object && object->ino != st->st_ino) object = object->next;
    return object;
}

struct object *object_of_fd(int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0) return NULL;
    return object_of_stat(&st);
}

/* The twin's own name: the number of the object, and the inode that it stands for. */
static void object_file(const struct object *object, char *name) {
    sprintf(name, "%llu-%llu", (unsigned long long)object->id, (unsigned long long)object->ino);
}

/* An inode number that comes again is a new object: the old one stays reachable through its durable names only. */
struct object *object_new(const char *path, const struct stat *st) {
    struct object **slot = &buckets[st->st_ino % BUCKETS];
    for (struct object **at = slot; *at; at = &(*at)->next)
        if ((*at)->ino == st->st_ino) {
            (*at)->unlinked = true;
            *at = (*at)->next;
            break;
        }
    struct object *object = calloc(1, sizeof *object);
    if (!object) die("no memory", path);
    object->id = next_id++;
    object->ino = st->st_ino;
    object->is_dir = S_ISDIR(st->st_mode);
    object->path = strdup(path);
    object->shadow_fd = -1;
    object->next = *slot;
    *slot = object;
    char name[OBJECT_FILE_BYTES];
    object_file(object, name);
    if (object->is_dir) {
        if (libc_real.mkdirat(floating_fd, name, 0777) != 0) die("mkdir", name);
        fchmodat(floating_fd, name, st->st_mode & 07777, 0);
        object->shadow_fd = keep_fd(libc_real.openat(floating_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), name);
    } else {
        int fd = libc_real.openat(objects_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) die("create", name);
        fchmod(fd, st->st_mode & 07777);
        close(fd);
    }
    trace_created(object, st->st_mode);
    return object;
}

void path_of(const struct object *folder, const char *name, char *path) {
    bool top = strcmp(folder->path, ".") == 0;
    snprintf(path, PATH_MAX, "%s%s%s", top ? "" : folder->path, top ? "" : "/", name);
}

struct object *object_created(struct object *folder, const char *name, const struct stat *st) {
    char *path = join(folder->path, name);
    struct object *object = object_new(path, st);
    free(path);
    name_set(folder, name, object);
    return object;
}

/* The watched folder that `path` names an entry of, or NULL; `name` gets the entry's name. */
struct object *folder_of(int dirfd, const char *path, char *name) {
    char parent[PATH_MAX];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    if (length == 0 || length >= sizeof parent) return NULL;
    size_t start = length;
    while (start > 0 && path[start - 1] != '/') start--;
    if (length - start > NAME_MAX) return NULL;
    memcpy(name, path + start, length - start);
    name[length - start] = 0;
    memcpy(parent, path, start);
    parent[start] = 0;
    struct stat st;
    if (fstatat(dirfd, start ? parent : ".", &st, 0) != 0) return NULL;
    struct object *folder = object_of_stat(&st);
    return folder && folder->is_dir ? folder : NULL;
}

/* ---- bytes ---- */

void object_dirty(struct object *object, int64_t from, int64_t to) {
    if (from >= to) return;
    size_t first = 0, last;
    while (first < object->dirty_count && object->dirty[first].to < from) first++;
    for (last = first; last < object->dirty_count && object->dirty[last].from <= to; last++) {
        if (object->dirty[last].from < from) from = object->dirty[last].from;
        if (object->dirty[last].to > to) to = object->dirty[last].to;
    }
    if (object->dirty_count + 1 > object->dirty_room) {
        object->dirty_room = object->dirty_room ? object->dirty_room * 2 : 16;
        object->dirty = realloc(object->dirty, object->dirty_room * sizeof *object->dirty);
        if (!object->dirty) die("no memory", object->path);
    }
    memmove(object->dirty + first + 1, object->dirty + last, (object->dirty_count - last) * sizeof *object->dirty);
    object->dirty_count = object->dirty_count - (last - first) + 1;
    object->dirty[first] = (struct range){from, to};
}

/* Copies [from, to) of `in` as far as it goes. */
void copy_range(int in, int out, int64_t from, int64_t to, const char *name) {
    static char buffer[COPY_BYTES]; /* the lock is held */
    while (from < to) {
        size_t want = to - from < COPY_BYTES ? (size_t)(to - from) : COPY_BYTES;
        ssize_t got = pread(in, buffer, want, from);
        if (got < 0) die("read", name);
        if (got == 0) return;
        if (libc_real.pwrite(out, buffer, got, from) != got) die("write the twin of", name);
        from += got;
    }
}

int twin_open(const struct object *object) {
    char name[OBJECT_FILE_BYTES];
    object_file(object, name);
    int fd = libc_real.openat(objects_fd, name, O_RDWR | O_CLOEXEC);
    if (fd < 0) die("open the twin of", object->path);
    return fd;
}

/* A descriptor to read the living file by. A second one is opened only where the program's cannot read, because closing
 * any descriptor of a file drops the process's POSIX locks on it, and SQLite (which opens for both) has such locks. */
int living_open(const struct object *object, int fd, bool *opened) {
    *opened = false;
    if (fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY) return fd;
    char path[PATH_MAX];
    if (fd >= 0) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    else snprintf(path, sizeof path, "%s/%s", root, object->path);
    *opened = true;
    return libc_real.open(path, O_RDONLY | O_CLOEXEC);
}

static bool same_inode(int fd, const struct object *object) {
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_ino == object->ino && st.st_dev == device;
}

static void names_sync(struct object *folder);

/* What fsync of `object` makes durable. `fd` is the program's own descriptor, or -1. */
void object_sync(struct object *object, int fd) {
    if (object->is_dir) {
        names_sync(object);
        return;
    }
    bool opened;
    int in = living_open(object, fd, &opened);
    if (in >= 0 && same_inode(in, object)) {
        struct stat st;
        int out = twin_open(object);
        for (size_t at = 0; at < object->dirty_count; at++)
            copy_range(in, out, object->dirty[at].from, object->dirty[at].to, object->path);
        if (fstat(in, &st) != 0 || libc_real.ftruncate(out, st.st_size) != 0) die("resize the twin of", object->path);
        fchmod(out, st.st_mode & 07777);
        close(out);
        object->dirty_count = 0;
    }
    if (opened && in >= 0) close(in);
}

/* ---- names ---- */

static struct pending *pending_new(int kind, struct object *folder, const char *name, struct object *object) {
    struct pending *change = calloc(1, sizeof *change);
    if (!change) die("no memory", name);
    change->kind = kind;
    change->folder = folder;
    change->name = strdup(name);
    change->object = object;
    *last_pending = change;
    last_pending = &change->next;
    return change;
}

void name_set(struct object *folder, const char *name, struct object *object) {
    trace_name(folder, name, object);
    pending_new(SET, folder, name, object);
}

/* A further name of a file that has one. */
void name_linked(struct object *folder, const char *name, struct object *object) {
    name_set(folder, name, object);
    free(object->path);
    object->path = join(folder->path, name);
}

void name_removed(struct object *folder, const char *name, struct object *object, bool last) {
    trace_name(folder, name, NULL);
    pending_new(REMOVED, folder, name, object);
    if (object && last) object->unlinked = true;
}

void name_moved(struct object *from, const char *from_name, struct object *to, const char *to_name,
                struct object *object) {
    trace_moved(from, from_name, to, to_name);
    struct pending *change = pending_new(MOVED, from, from_name, object);
    change->to_folder = to;
    change->to_name = strdup(to_name);
    free(object->path);
    object->path = join(to->path, to_name);
}

bool twin_is_at(struct object *folder, const char *name, struct object *object) {
    struct stat here, twin;
    char id[OBJECT_FILE_BYTES];
    object_file(object, id);
    if (fstatat(folder->shadow_fd, name, &here, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (object->is_dir) return fstat(object->shadow_fd, &twin) == 0 && here.st_ino == twin.st_ino;
    return fstatat(objects_fd, id, &twin, 0) == 0 && here.st_ino == twin.st_ino;
}

static void twin_remove(struct object *folder, const char *name) {
    if (libc_real.unlinkat(folder->shadow_fd, name, 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) die("unlink", name);
    char aside[64];
    sprintf(aside, "removed-%llu", (unsigned long long)next_id++);
    if (libc_real.renameat2(folder->shadow_fd, name, floating_fd, aside, 0) != 0) die("set aside", name);
}

/* One rename, so that a kill in the middle leaves the old entry or the new one. */
void twin_set(struct object *folder, const char *name, struct object *object) {
    if (twin_is_at(folder, name, object)) return;
    char id[OBJECT_FILE_BYTES];
    object_file(object, id);
    if (object->is_dir) {
        char self[64], path[PATH_MAX];
        snprintf(self, sizeof self, "/proc/self/fd/%d", object->shadow_fd);
        ssize_t length = readlink(self, path, sizeof path - 1);
        if (length < 0) die("find the twin of", object->path);
        path[length] = 0;
        if (libc_real.renameat2(AT_FDCWD, path, folder->shadow_fd, name, 0) != 0) die("move the twin of", object->path);
        return;
    }
    if (libc_real.linkat(objects_fd, id, scratch_fd, id, 0) != 0) die("link the twin of", object->path);
    if (libc_real.renameat2(scratch_fd, id, folder->shadow_fd, name, 0) != 0) die("name the twin of", object->path);
}

/* Applies what `folder`'s sync means for one change (NULL: all of it). True when nothing of the change is left. */
static bool pending_apply(struct pending *change, struct object *folder) {
    if (change->kind != MOVED) {
        if (folder && change->folder != folder) return false;
        if (change->kind == SET) twin_set(change->folder, change->name, change->object);
        else twin_remove(change->folder, change->name);
        return true;
    }
    if (!folder || change->folder == folder) change->from_done = true;
    if (!folder || change->to_folder == folder) change->to_done = true;
    /* A folder cannot have two names, so its move between folders waits for both syncs. */
    bool whole = change->from_done && change->to_done;
    if (whole || (change->to_done && !change->object->is_dir)) twin_set(change->to_folder, change->to_name, change->object);
    /* Never lost: the old name goes only when the new one is durable. */
    if (whole && twin_is_at(change->folder, change->name, change->object)
        && (change->folder != change->to_folder || strcmp(change->name, change->to_name) != 0))
        twin_remove(change->folder, change->name);
    return whole;
}

static void pending_drop(struct pending **at) {
    struct pending *change = *at;
    *at = change->next;
    if (last_pending == &change->next) last_pending = at;
    free(change->name);
    free(change->to_name);
    free(change);
}

static void names_sync(struct object *folder) {
    for (struct pending **at = &first_pending; *at;) {
        if (pending_apply(*at, folder)) pending_drop(at);
        else at = &(*at)->next;
    }
}

void everything_sync(void) {
    for (size_t bucket = 0; bucket < BUCKETS; bucket++)
        for (struct object *object = buckets[bucket]; object; object = object->next)
            if (!object->is_dir && object->dirty_count && !object->unlinked) object_sync(object, -1);
    names_sync(NULL);
}

/* ---- what else may survive ---- */

static uint64_t random_state;

static uint64_t random_next(void) {
    uint64_t z = (random_state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool chance(unsigned percent) { return random_next() % 100 < percent; }

/* Each unsynced sector reached the disk or did not, in any order; the size as well. */
static void sectors_survive(struct object *object, unsigned percent) {
    bool opened;
    int in = living_open(object, -1, &opened);
    struct stat living, durable;
    if (in < 0 || !same_inode(in, object) || fstat(in, &living) != 0) return;
    int out = twin_open(object);
    if (fstat(out, &durable) != 0) die("stat the twin of", object->path);
    if (living.st_size < durable.st_size && chance(percent) && libc_real.ftruncate(out, living.st_size) != 0)
        die("cut the twin of", object->path);
    for (size_t at = 0; at < object->dirty_count; at++) {
        struct range range = object->dirty[at];
        if (range.to > living.st_size) range.to = living.st_size;
        while (range.from < range.to) {
            int64_t end = (range.from / SECTOR_BYTES + 1) * SECTOR_BYTES;
            if (end > range.to) end = range.to;
            if (chance(percent)) copy_range(in, out, range.from, end, object->path);
            range.from = end;
        }
    }
    /* A file may also have grown on paper only: its new end reads as zeros. */
    if (fstat(out, &durable) == 0 && durable.st_size < living.st_size && chance(percent)
        && libc_real.ftruncate(out, living.st_size) != 0)
        die("grow the twin of", object->path);
    close(out);
}

void some_survive(uint64_t seed) {
    static const unsigned percents[] = {5, 50, 95};
    random_state = seed;
    unsigned percent = percents[random_next() % 3];
    for (size_t bucket = 0; bucket < BUCKETS; bucket++)
        for (struct object *object = buckets[bucket]; object; object = object->next)
            if (!object->is_dir && object->dirty_count && !object->unlinked) sectors_survive(object, percent);
    for (struct pending *change = first_pending; change; change = change->next)
        if (chance(percent)) pending_apply(change, NULL);
}

/* ---- start ---- */

static int shadow_folder(const char *name) {
    if (libc_real.mkdirat(shadow_fd, name, 0700) != 0) die("POWERCUT_SHADOW must be an empty folder: mkdir", name);
    return keep_fd(libc_real.openat(shadow_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), name);
}

bool model_start(void) {
    const char *root_given = getenv("POWERCUT_ROOT"), *shadow_given = getenv("POWERCUT_SHADOW");
    struct stat st;
    if (!root_given || !shadow_given) return false;
    root = realpath(root_given, NULL);
    shadow = realpath(shadow_given, NULL);
    if (!root || stat(root, &st) != 0) die("POWERCUT_ROOT", root_given);
    if (!shadow) die("POWERCUT_SHADOW", shadow_given);
    device = st.st_dev;
    shadow_fd = keep_fd(libc_real.open(shadow, O_RDONLY | O_DIRECTORY | O_CLOEXEC), shadow);
    objects_fd = shadow_folder("objects");
    floating_fd = shadow_folder("floating");
    scratch_fd = shadow_folder("scratch");
    struct object *top = object_new(".", &st);
    char id[OBJECT_FILE_BYTES];
    object_file(top, id);
    if (libc_real.renameat2(floating_fd, id, shadow_fd, "tree", 0) != 0) die("make", "tree");
    tree_fd = top->shadow_fd;
    adopt(top);
    trace_start();
    return true;
}
