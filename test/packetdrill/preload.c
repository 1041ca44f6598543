/* Functions of the C library that packetdrill calls behind the interface's back, for when this
 * object is also preloaded. In another program that inherits the preload they do no harm. */
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <unistd.h>

#include "adapter.h"

#define EXPORT __attribute__((visibility("default")))

/* Each assertion of a script asks for these three of the descriptor; the last two need only work. */
static int ask_socket(struct pd *pd, int fd, int level, int name, void *value, socklen_t *len)
{
    memset(value, 0, *len);
    if (level != IPPROTO_TCP || name != TCP_INFO)
        return 0;
    socklen_t room = *len;
    pd_enter(pd);
    int result = hf_socket_get_option(pd->sockets, fd, level, name, value, &room);
    pd_leave(pd);
    return result;
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    struct pd *pd = pd_instance();
    if (pd && value && len && hf_sockets_own(pd->sockets, fd))
        return ask_socket(pd, fd, level, name, value, len);
    return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}

/* Fatal to packetdrill when it fails, which it does for those who may not lock memory. */
EXPORT int mlockall(int flags)
{
    (void)flags;
    return 0;
}

/* A script in virtual time needs no priority. */
EXPORT int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
    (void)pid;
    (void)policy;
    (void)param;
    return 0;
}

/* packetdrill spins on this for some ticks before each script. */
EXPORT clock_t times(struct tms *buffer)
{
    static clock_t ticks;
    if (buffer)
        memset(buffer, 0, sizeof *buffer);
    return ++ticks;
}
