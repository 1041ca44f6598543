/* unshare(2) in a child: the namespace and all that is in it goes when the child ends, however it
 * ends. Signals of the terminal reach the child too, which closes in order; the parent waits. */
#include "namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return close(fd) == 0 && written;
}

/* We are root inside, and only we (user_namespaces(7)). */
static bool map_ids(uid_t uid, gid_t gid)
{
    char line[64];
    (void)snprintf(line, sizeof line, "0 %u 1\n", (unsigned)uid);
    if (!write_file("/proc/self/uid_map", line))
        return false;
    (void)write_file("/proc/self/setgroups", "deny");
    (void)snprintf(line, sizeof line, "0 %u 1\n", (unsigned)gid);
    return write_file("/proc/self/gid_map", line);
}

static bool loopback_up(void)
{
    struct ifreq request;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, "lo", sizeof "lo");
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool fine = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    fine = fine && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    (void)close(fd);
    return fine;
}

static bool enter(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWNET) == 0)
        return loopback_up();
    if (errno != EPERM || unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    return map_ids(uid, gid) && loopback_up();
}

int namespace_run(const struct command *command, int (*inside)(void *context), void *context)
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        return failure(command, "cannot make a process: %s", strerror(errno));
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        int status = enter() ? inside(context)
                             : failure(command,
                                       "cannot make a network namespace: %s; run as root, or "
                                       "allow user namespaces: sysctl "
                                       "kernel.unprivileged_userns_clone=1",
                                       strerror(errno));
        (void)fflush(NULL);
        _exit(status);
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGINT, &ignore, NULL);
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return failure(command, "cannot wait: %s", strerror(errno));
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    return failure(command, "ended by signal %d", WTERMSIG(status));
}
