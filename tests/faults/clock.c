/*
 * A wall clock that a test can move while the engine runs. Preloaded (LD_PRELOAD), it adds the seconds in the file named by
 * CLOCK_OFFSET_FILE to what the system says the time is. Nothing else changes: waits are counted by the monotonic clock, as
 * they are when the clock of a real machine is set.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long cached;
static long read_at = -1;

static long now_monotonic(void) {
    struct timespec at;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC_COARSE, &at);
    return at.tv_sec * 10 + at.tv_nsec / 100000000;
}

/* The file is looked at ten times a second: the time is asked for far more often. */
static long offset(void) {
    long tenth = now_monotonic();
    if (__atomic_exchange_n(&read_at, tenth, __ATOMIC_RELAXED) == tenth)
        return __atomic_load_n(&cached, __ATOMIC_RELAXED);
    const char *name = getenv("CLOCK_OFFSET_FILE");
    char text[32];
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        ssize_t size = read(file, text, sizeof text - 1);
        close(file);
        if (size > 0) {
            text[size] = 0;
            __atomic_store_n(&cached, strtol(text, 0, 10), __ATOMIC_RELAXED);
        }
    }
    return __atomic_load_n(&cached, __ATOMIC_RELAXED);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        at->tv_sec += offset();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact))
        return -1;
    at->tv_sec = exact.tv_sec;
    at->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (at)
        *at = exact.tv_sec;
    return exact.tv_sec;
}
