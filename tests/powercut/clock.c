/* A clock that is ahead: for what a program does only after days. Has nothing to do with the rest. */
#include "powercut.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    const char *ahead = clock == CLOCK_REALTIME ? getenv("POWERCUT_CLOCK_AHEAD_SECONDS") : NULL;
    if (result == 0 && ahead) time->tv_sec += atol(ahead);
    return result;
}
