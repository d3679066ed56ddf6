/* Does to files what it is told on standard input, one call a line, and at the end of it kills itself as a power cut
 * would. For the tests of the shim: calls must go through libc, and nothing may be done that was not asked for.
 *
 *   write PATH OFFSET TEXT   append PATH TEXT   dsync PATH TEXT   truncate PATH SIZE   fill PATH BYTES
 *   fsync PATH   fdatasync PATH   mkdir PATH   rename FROM TO   link FROM TO   unlink PATH   rmdir PATH
 *   sleep MILLISECONDS   print TEXT   stay */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(const char *path, int flags, off_t offset, const char *bytes, size_t length) {
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);
    ssize_t done = -1;
    if (fd >= 0) done = offset >= 0 ? pwrite(fd, bytes, length, offset) : write(fd, bytes, length);
    if (done != (ssize_t)length) {
        printf("failed %s %s\n", path, strerrorname_np(errno));
        fflush(stdout);
    }
    if (fd >= 0) close(fd);
}

static int flush(const char *path, int (*call)(int)) {
    int fd = open(path, O_RDONLY);
    int result = fd < 0 ? -1 : call(fd);
    if (fd >= 0) close(fd);
    return result;
}

static int obey(const char *verb, const char *path, const char *rest) {
    if (!strcmp(verb, "write")) {
        char *text;
        off_t offset = strtoll(rest, &text, 10);
        return put(path, 0, offset, text + 1, strlen(text + 1)), 0;
    }
    if (!strcmp(verb, "fill")) {
        size_t length = strtoul(rest, NULL, 10);
        char *bytes = malloc(length);
        memset(bytes, 'x', length);
        put(path, 0, 0, bytes, length);
        return free(bytes), 0;
    }
    if (!strcmp(verb, "append")) return put(path, O_APPEND, -1, rest, strlen(rest)), 0;
    if (!strcmp(verb, "dsync")) return put(path, O_APPEND | O_DSYNC, -1, rest, strlen(rest)), 0;
    if (!strcmp(verb, "truncate")) return truncate(path, strtoll(rest, NULL, 10));
    if (!strcmp(verb, "fsync")) return flush(path, fsync);
    if (!strcmp(verb, "fdatasync")) return flush(path, fdatasync);
    if (!strcmp(verb, "mkdir")) return mkdir(path, 0755);
    if (!strcmp(verb, "rename")) return rename(path, rest);
    if (!strcmp(verb, "link")) return link(path, rest);
    if (!strcmp(verb, "unlink")) return unlink(path);
    if (!strcmp(verb, "rmdir")) return rmdir(path);
    if (!strcmp(verb, "sleep")) return usleep(strtoul(path, NULL, 10) * 1000);
    if (!strcmp(verb, "stay")) for (;;) pause();
    if (!strcmp(verb, "print")) return printf("%s\n", path), fflush(stdout);
    errno = EINVAL;
    return -1;
}

int main(void) {
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *rest = line, *verb = strsep(&rest, " "), *path = rest ? strsep(&rest, " ") : "";
        if (obey(verb, path, rest ? rest : "") != 0) {
            printf("failed %s %s %s\n", verb, path, strerrorname_np(errno));
            fflush(stdout);
        }
    }
    kill(getpid(), SIGKILL);
}
