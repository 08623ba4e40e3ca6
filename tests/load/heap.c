/*
 * Tells what the program that loads it (LD_PRELOAD) has from its allocator: live bytes, written to ROOMCAST_HEAP's file.
 *
 * A thread of its own looks five times a second; freed blocks that threads keep for themselves count as live (some
 * kilobytes). The program behaves as without it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t *live;

static void *watch(void *nothing) {
    const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
    (void)nothing;
    for (;;) {
        const struct mallinfo2 now = mallinfo2();
        *live = now.uordblks + now.hblkhd;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("ROOMCAST_HEAP");
    const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *live, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    pthread_t thread;
    if (mapped == MAP_FAILED) {
        perror("ROOMCAST_HEAP");
        _exit(70);
    }
    close(file);
    live = mapped;
    if (pthread_create(&thread, NULL, watch, NULL) != 0)
        _exit(70);
}
