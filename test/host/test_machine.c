/* This machine as a host's world: waiting, waking, watched descriptors. Without a stack. */
#include "check.h"

#include <fcntl.h>
#include <handfast/host.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

struct seen {
    int descriptor;
    unsigned ready;
    uint64_t user;
    int count;
};

static void on_ready(void *context, int descriptor, unsigned ready, uint64_t user)
{
    struct seen *seen = context;
    seen->descriptor = descriptor;
    seen->ready = ready;
    seen->user = user;
    seen->count++;
}

static struct hf_host *new_host(struct seen *seen)
{
    char error[HF_ERROR_TEXT];
    struct hf_host_config config = {.size = sizeof config, .on_ready = on_ready, .context = seen};
    memset(seen, 0, sizeof *seen);
    struct hf_host *host = hf_host_create(&config, error);
    assert_non_null(host);
    return host;
}

TEST(the_wait_ends_in_time, none, "")
{
    struct seen seen;
    struct hf_host *host = new_host(&seen);
    hf_time before = hf_host_now(host);
    assert_int_equal(hf_host_step(host, 20 * HF_MS), HF_OK);
    hf_time took = hf_host_now(host) - before;
    assert_true(took >= 19 * HF_MS);
    assert_true(took < 5 * HF_SEC);
    hf_host_destroy(host);
}

static void *wake_later(void *host)
{
    (void)usleep(20000);
    hf_host_wake(host);
    return NULL;
}

TEST(another_thread_ends_the_wait, none, "")
{
    struct seen seen;
    pthread_t thread;
    struct hf_host *host = new_host(&seen);
    assert_int_equal(pthread_create(&thread, NULL, wake_later, host), 0);
    hf_time before = hf_host_now(host);
    assert_int_equal(hf_host_step(host, 30 * HF_SEC), HF_OK);
    assert_true(hf_host_now(host) - before < 20 * HF_SEC);
    (void)pthread_join(thread, NULL);
    before = hf_host_now(host);
    assert_int_equal(hf_host_step(host, 20 * HF_MS), HF_OK); /* the wake was used up */
    assert_true(hf_host_now(host) - before >= 19 * HF_MS);
    hf_host_destroy(host);
}

TEST(a_readable_pipe_is_reported_until_unwatched, none, "")
{
    struct seen seen;
    int ends[2];
    struct hf_host *host = new_host(&seen);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(hf_host_watch(host, ends[0], HF_READY_READ, 77), HF_OK);
    assert_int_equal(hf_host_step(host, 0), HF_OK);
    assert_int_equal(seen.count, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(hf_host_step(host, HF_SEC), HF_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.descriptor, ends[0]);
    assert_int_equal(seen.user, 77);
    assert_true(seen.ready & HF_READY_READ);
    assert_int_equal(hf_host_step(host, HF_SEC), HF_OK);
    assert_int_equal(seen.count, 2); /* level-triggered */
    assert_int_equal(hf_host_watch(host, ends[0], 0, 77), HF_OK);
    assert_int_equal(hf_host_step(host, 0), HF_OK);
    assert_int_equal(seen.count, 2);
    (void)close(ends[1]);
    assert_int_equal(hf_host_step(host, HF_SEC), HF_OK);
    assert_true(seen.ready & HF_READY_HANGUP);
    hf_host_unwatch(host, ends[0]);
    hf_host_unwatch(host, ends[0]);
    assert_int_equal(hf_host_step(host, 0), HF_OK);
    assert_int_equal(seen.count, 3);
    (void)close(ends[0]);
    hf_host_destroy(host);
}

TEST(a_regular_file_is_always_ready, none, "")
{
    struct seen seen;
    struct hf_host *host = new_host(&seen);
    int fd = open("/proc/self/exe", O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(hf_host_watch(host, fd, HF_READY_READ, 1), HF_OK);
    assert_int_equal(hf_host_step(host, 30 * HF_SEC), HF_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(hf_host_watch(host, fd, 0, 1), HF_OK); /* not now */
    assert_int_equal(hf_host_step(host, HF_MS), HF_OK);
    assert_int_equal(seen.count, 1);
    hf_host_unwatch(host, fd);
    (void)close(fd);
    hf_host_destroy(host);
}

TEST(wrong_descriptors_are_refused, none, "")
{
    struct seen seen;
    struct hf_host *host = new_host(&seen);
    assert_int_equal(hf_host_watch(host, -1, HF_READY_READ, 0), HF_ERR_ARGUMENT);
    assert_int_equal(hf_host_watch(host, 9999, HF_READY_READ, 0), HF_ERR_ARGUMENT);
    hf_host_destroy(host);
}

TEST(seeds_differ_and_expansion_repeats, none, "")
{
    uint8_t a[16];
    uint8_t b[16];
    assert_int_equal(hf_host_seed(a), HF_OK);
    assert_int_equal(hf_host_seed(b), HF_OK);
    assert_memory_not_equal(a, b, 16);
    hf_host_seed_expand(7, a);
    hf_host_seed_expand(7, b);
    assert_memory_equal(a, b, 16);
    hf_host_seed_expand(8, b);
    assert_memory_not_equal(a, b, 16);
}
