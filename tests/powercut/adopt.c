/* What is there at the start: which of it is durable, and the objects that stand for it. Runs once, before the program does
 * anything. See powercut.h. */
#include "powercut.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_in(DIR *listing, const char *name, int flags) {
    int fd = libc_real.openat(dirfd(listing), name, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0) die("open", name);
    return fd;
}

static void twin_fill(struct object *object, int fd) {
    int out = twin_open(object);
    copy_range(fd, out, 0, RANGE_OPEN, object->path);
    close(out);
}

/* The next file or folder of a listing. */
static bool next_entry(DIR *listing, const char **name, struct stat *st) {
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        *name = entry->d_name;
        if (strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0) continue;
        if (fstatat(dirfd(listing), *name, st, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) return true;
    }
    return false;
}

/* The twins that an earlier process left, when the power stayed on after it; -1 when there was none. */
static int old_objects_fd = -1;

/* Opens the newest of the earlier twins that stand for an inode. */
static int old_twin_open(ino_t ino) {
    unsigned long long id, stands_for, newest = 0;
    char name[OBJECT_FILE_BYTES];
    DIR *listing = fdopendir(dup(old_objects_fd));
    if (!listing) die("list", "the earlier twins");
    rewinddir(listing);
    for (struct dirent *entry; (entry = readdir(listing));)
        if (sscanf(entry->d_name, "%llu-%llu", &id, &stands_for) == 2 && stands_for == ino && id > newest) newest = id;
    sprintf(name, "%llu-%llu", newest, (unsigned long long)ino);
    int fd = newest ? libc_real.openat(dirfd(listing), name, O_RDONLY | O_CLOEXEC) : -1;
    closedir(listing);
    return fd;
}

/* The file or folder that a durable name stands for; one that the living folder has no more is made for it. */
static struct object *durable_object(struct object *folder, DIR *durable, const char *name, const struct stat *st) {
    if (old_objects_fd < 0) return object_of_stat(st);
    for (size_t bucket = 0; bucket < BUCKETS; bucket++)
        for (struct object *object = buckets[bucket]; object; object = object->next)
            if (object->old_twin == st->st_ino) return object;
    char path[PATH_MAX];
    path_of(folder, name, path);
    struct object *object = object_new(path, st);
    object->old_twin = st->st_ino;
    object->unlinked = true;
    int fd = open_in(durable, name, 0);
    twin_fill(object, fd);
    close(fd);
    return object;
}

/* Objects for everything that is there, with the bytes of it that are durable. */
static void adopt_files(struct object *folder, int living) {
    DIR *listing = fdopendir(living);
    const char *name;
    struct stat st;
    if (!listing) die("list", folder->path);
    while (next_entry(listing, &name, &st)) {
        char path[PATH_MAX];
        path_of(folder, name, path);
        struct object *object = object_new(path, &st);
        if (object->is_dir) {
            adopt_files(object, open_in(listing, name, O_DIRECTORY));
            continue;
        }
        int fd = old_objects_fd < 0 ? open_in(listing, name, 0) : old_twin_open(st.st_ino);
        if (fd >= 0) {
            if (fstat(fd, &st) == 0 && old_objects_fd >= 0) object->old_twin = st.st_ino;
            twin_fill(object, fd);
            close(fd);
        }
        if (old_objects_fd >= 0) object_dirty(object, 0, RANGE_OPEN);
    }
    closedir(listing);
}

/* The names that are durable, and as pending what differs from them. Closes both; `durable` may be -1. Removed folders are
 * not followed: what is tested here takes none away. */
static void adopt_names(struct object *folder, int living, int durable) {
    DIR *listing = fdopendir(living), *old = durable < 0 ? NULL : fdopendir(durable);
    const char *name;
    struct stat st, now;
    if (!listing) die("list", folder->path);
    while (next_entry(old, &name, &st)) {
        bool there = fstatat(living, name, &now, AT_SYMLINK_NOFOLLOW) == 0;
        if (S_ISDIR(st.st_mode)) {
            if (there) twin_set(folder, name, object_of_stat(&now));
            continue;
        }
        struct object *object = durable_object(folder, old, name, &st);
        twin_set(folder, name, object);
        if (!there) name_removed(folder, name, object, object->unlinked);
    }
    while (next_entry(listing, &name, &st)) {
        struct object *object = object_of_stat(&st);
        int below = old && object->is_dir ? libc_real.openat(durable, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (!twin_is_at(folder, name, object)) name_set(folder, name, object);
        if (object->is_dir) adopt_names(object, open_in(listing, name, O_DIRECTORY), below);
    }
    closedir(listing);
    if (old) closedir(old);
}

static int folder_open(const char *folder, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = libc_real.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) die("open", path);
    return fd;
}

/* Takes over what is there at the start: all of it durable, unless an earlier process left word in POWERCUT_DURABLE. */
void adopt(struct object *top) {
    const char *earlier = getenv("POWERCUT_DURABLE");
    if (earlier) old_objects_fd = folder_open(earlier, "objects");
    adopt_files(top, folder_open(model_root(), "."));
    adopt_names(top, folder_open(model_root(), "."), earlier ? folder_open(earlier, "tree") : folder_open(model_root(), "."));
    if (earlier) close(old_objects_fd);
    old_objects_fd = -1;
}
