/* Standard output is not made non-blocking: that flag would be shared with whoever gave it to us.
 * Instead it is asked first, and given no more than a pipe takes at once when it says yes. */
#include "output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

void output_use(struct output *output, int descriptor)
{
    struct stat about;
    output->descriptor = descriptor;
    output->watched = false;
    output->may_block = fstat(descriptor, &about) < 0 || !S_ISREG(about.st_mode);
}

int64_t output_write(struct output *output, const void *bytes, size_t len)
{
    if (output->may_block) {
        struct pollfd ask = {.fd = output->descriptor, .events = POLLOUT};
        if (poll(&ask, 1, 0) <= 0)
            return 0;
        if (len > PIPE_BUF)
            len = PIPE_BUF;
    }
    ssize_t n = write(output->descriptor, bytes, len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    return n;
}

void output_watch(struct output *output, struct hf_host *host, bool wanted)
{
    if (wanted == output->watched)
        return;
    output->watched = wanted;
    if (wanted)
        (void)hf_host_watch(host, output->descriptor, HF_READY_WRITE, 0);
    else
        hf_host_unwatch(host, output->descriptor);
}
