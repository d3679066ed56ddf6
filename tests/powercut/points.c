/* When the power goes, which syncs are left out, which calls fail; and the log of what was seen. Must not touch the twins
 * itself (model.c). See powercut.h for the whole and README.md for the variables. */
#include "powercut.h"
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RULES_MAX 16
#define FIELD_BYTES_MAX 256
#define FRAMES_MAX 64
#define SITE_FRAMES 24
#define SITES_MAX 1024

struct rule {
    char when[16], kind[32], pattern[FIELD_BYTES_MAX];
    int number; /* the occurrence that counts (cut), or the errno (fail) */
    int seen;
};

static struct rule ignored[RULES_MAX], failing[RULES_MAX], cutting;
static int ignored_count, failing_count;
static int log_fd = -1;
static unsigned delay_microseconds;
static bool survivors;
static uint64_t seed;

static void refuse(const char *what, const char *text) {
    fprintf(stderr, "powercut: cannot read %s: %s\n", what, text);
    abort();
}

/* KIND:PATTERN, split by ';'. A trailing ":NAME" is an errno for the failing ones. */
static int rules_read(struct rule *rules, const char *text, bool with_error) {
    int count = 0;
    char *copy = strdup(text), *rest = copy;
    for (char *item; (item = strsep(&rest, ";"));) {
        struct rule rule = {.number = 0};
        char error[16] = "";
        if (!*item) continue;
        int got = sscanf(item, "%31[^:]:%255[^:]:%15s", rule.kind, rule.pattern, error);
        if (count == RULES_MAX || got != (with_error ? 3 : 2)) refuse("the rule", item);
        if (with_error) rule.number = !strcmp(error, "ENOSPC") ? ENOSPC : !strcmp(error, "EIO") ? EIO : EROFS;
        rules[count++] = rule;
    }
    free(copy);
    return count;
}

/* WHEN:KIND:PATTERN:N, WHEN being before or after. */
static void cutting_read(const char *text) {
    struct rule rule = {.number = 1};
    if (sscanf(text, "%15[^:]:%31[^:]:%255[^:]:%d", rule.when, rule.kind, rule.pattern, &rule.number) < 3)
        refuse("the point", text);
    cutting = rule;
}

static bool matches(const struct rule *rule, const char *kind, const char *path) {
    return fnmatch(rule->kind, kind, 0) == 0 && fnmatch(rule->pattern, path, 0) == 0;
}

bool sync_is_ignored(const char *kind, const char *path, const char *site) {
    for (int at = 0; at < ignored_count; at++)
        if (matches(&ignored[at], kind, path) || matches(&ignored[at], kind, site)) return true;
    return false;
}

static int find_program(struct dl_phdr_info *object, size_t size, void *range) {
    (void)size;
    struct range *program = range;
    program->from = object->dlpi_addr;
    program->to = 0;
    for (int at = 0; at < object->dlpi_phnum; at++) {
        int64_t end = object->dlpi_addr + object->dlpi_phdr[at].p_vaddr + object->dlpi_phdr[at].p_memsz;
        if (object->dlpi_phdr[at].p_type == PT_LOAD && end > program->to) program->to = end;
    }
    return 1; /* the program itself comes first */
}

/* Names the chain of calls that led here, the innermost SITE_FRAMES of the program's own, the same in every run of the same
 * binary. The first time, their addresses go to the log for whoever wants to know where that is. */
void site_here(char *site) {
    static uint32_t known[SITES_MAX];
    static int known_count;
    void *frames[FRAMES_MAX];
    struct range program;
    char addresses[SITE_FRAMES * 20] = "";
    uint32_t hash = 2166136261u;
    int used = 0, count = backtrace(frames, FRAMES_MAX);
    dl_iterate_phdr(find_program, &program);
    for (int at = 0; at < count && used < SITE_FRAMES; at++) {
        int64_t address = (int64_t)(uintptr_t)frames[at];
        if (address < program.from || address >= program.to) continue;
        address -= program.from;
        for (int byte = 0; byte < 4; byte++) hash = (hash ^ ((address >> (8 * byte)) & 255)) * 16777619u;
        sprintf(addresses + strlen(addresses), " 0x%llx", (long long)address);
        used++;
    }
    sprintf(site, "@%08x", hash);
    model_lock();
    int at = 0;
    while (at < known_count && known[at] != hash) at++;
    if (at == known_count && known_count < SITES_MAX) {
        known[known_count++] = hash;
        log_line("site", site, addresses + (used > 0));
    }
    model_unlock();
}

int failure_of(const char *kind, const char *path) {
    for (int at = 0; at < failing_count; at++)
        if (matches(&failing[at], kind, path)) return failing[at].number;
    return 0;
}

void log_line(const char *kind, const char *path, const char *note) {
    if (log_fd < 0) return;
    char line[512];
    int length = snprintf(line, sizeof line, "%s %s%s%s\n", kind, path, *note ? " " : "", note);
    if (length > (int)sizeof line - 1) length = sizeof line - 1;
    if (libc_real.write(log_fd, line, length) < 0) log_fd = -1;
}

/* The lock is held, so no call of the program is half done. */
static void power_goes(const char *why) {
    char name[4096];
    if (survivors) some_survive(seed);
    snprintf(name, sizeof name, "%s/cut", model_shadow());
    int fd = libc_real.open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0) dprintf(fd, "%s\nseed %llu\n", why, (unsigned long long)seed);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

void point(const char *when, const char *kind, const char *path) {
    if (!*cutting.when || strcmp(cutting.when, when) != 0 || !matches(&cutting, kind, path)) return;
    if (++cutting.seen < cutting.number) return;
    char why[512];
    snprintf(why, sizeof why, "%s %s %s", when, kind, path);
    power_goes(why);
}

void sync_delay(void) {
    if (delay_microseconds) usleep(delay_microseconds);
}

static void obey(char *line) {
    static unsigned obeyed;
    char number[16];
    model_lock();
    if (!strcmp(line, "cut")) power_goes("told to");
    else if (!strcmp(line, "audit")) model_audit();
    else if (!strncmp(line, "told ", 5)) trace_told(line + 5);
    else if (!strncmp(line, "at ", 3)) cutting_read(line + 3);
    else if (!strncmp(line, "ignore ", 7)) ignored_count = rules_read(ignored, line + 7, false);
    else if (!strncmp(line, "fail ", 5)) failing_count = rules_read(failing, line + 5, true);
    else if (!strcmp(line, "fail")) failing_count = 0;
    else refuse("the command", line);
    snprintf(number, sizeof number, "%u", ++obeyed);
    log_line("obeyed", number, "");
    model_unlock();
}

static void *listen_for_commands(void *path) {
    /* For both, so that the end of one writer is not the end of the file. */
    int fd = libc_real.open(path, O_RDWR | O_CLOEXEC);
    FILE *commands = fd < 0 ? NULL : fdopen(fd, "r");
    char line[1024];
    while (commands && fgets(line, sizeof line, commands)) {
        line[strcspn(line, "\n")] = 0;
        obey(line);
    }
    fprintf(stderr, "powercut: nothing to read commands from at %s\n", (char *)path);
    return NULL;
}

void points_start(void) {
    const char *text;
    if ((text = getenv("POWERCUT_IGNORE"))) ignored_count = rules_read(ignored, text, false);
    if ((text = getenv("POWERCUT_FAIL"))) failing_count = rules_read(failing, text, true);
    if ((text = getenv("POWERCUT_AT")) && *text) cutting_read(text);
    if ((text = getenv("POWERCUT_SYNC_MICROSECONDS"))) delay_microseconds = strtoul(text, NULL, 10);
    if ((text = getenv("POWERCUT_SEED"))) survivors = true, seed = strtoull(text, NULL, 10);
    if ((text = getenv("POWERCUT_LOG"))) log_fd = libc_real.open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if ((text = getenv("POWERCUT_COMMANDS"))) {
        sigset_t all, before;
        pthread_t thread;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        if (pthread_create(&thread, NULL, listen_for_commands, strdup(text)) != 0) refuse("commands from", text);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
}
