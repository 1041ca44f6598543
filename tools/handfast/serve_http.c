/* Files over HTTP/1.1: GET and HEAD of what lies beneath one directory (RFC 9110, 9112).
 *
 * A file moves piece by piece into the connection's send queue (hf_tcp_reserve, read,
 * hf_tcp_commit): one of any size costs no memory but that queue.
 *
 * The kernel keeps the path beneath the directory (openat2, RESOLVE_BENEATH and no symbolic
 * links), behind our own refusal of "..". */
#include "http_session.h"
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_BYTES 4096
#define REQUESTS_AT_ONCE 16

static int root = -1;

bool serve_http_root(const char *path)
{
    root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return root >= 0;
}

static const char *content_type(const char *path)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".htm", "text/html; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},
        {".css", "text/css"},
        {".js", "text/javascript"},
        {".json", "application/json"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".gif", "image/gif"},
        {".svg", "image/svg+xml"},
        {".pdf", "application/pdf"},
        {".wasm", "application/wasm"},
        {".xml", "application/xml"},
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot, types[i].ending) == 0)
            return types[i].type;
    return "application/octet-stream";
}

static int open_beneath(const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC, /* a FIFO must not hold us up */
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

static int status_of_errno(int err)
{
    switch (err) {
    case ENOENT:
    case ENOTDIR:
        return 404;
    case EACCES:
    case EPERM:
    case ELOOP:
    case EXDEV:
        return 403;
    case ENAMETOOLONG:
        return 414;
    default:
        return 500;
    }
}

/* Open a file, or a directory's index.html. Returns 200, 301 (a directory without the last
 * slash) or an error's status. */
static int open_file(char *path, int *file, uint64_t *size)
{
    struct stat about;
    bool slash = path[0] && path[strlen(path) - 1] == '/';
    for (int depth = 0; depth < 2; depth++) {
        int fd = open_beneath(path);
        if (fd < 0)
            return status_of_errno(errno);
        if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode)) {
            *file = fd;
            *size = (uint64_t)about.st_size;
            return 200;
        }
        (void)close(fd);
        if (!S_ISDIR(about.st_mode) || depth > 0)
            return 403;
        if (!slash && strcmp(path, ".") != 0)
            return 301;
        size_t len = strlen(path);
        if (len + sizeof "/index.html" > PATH_BYTES)
            return 414;
        memcpy(path + len, "/index.html", sizeof "/index.html");
    }
    return 404;
}

/* The Location of a directory: the target with a slash behind its path. */
static void redirect(struct http_session *h, const struct http_asked *asked)
{
    char field[400];
    struct http_text target = asked->request.target;
    const char *query = memchr(target.at, '?', target.len);
    size_t len = query ? (size_t)(query - target.at) : target.len;
    while (len > 1 && target.at[0] == '/' && target.at[1] == '/')
        target.at++, len--;
    if (len > 300) {
        http_answer_status(h, 414, "", asked->head_only);
        return;
    }
    (void)snprintf(field, sizeof field, "Location: %.*s/\r\n", (int)len, target.at);
    http_answer_status(h, 301, field, asked->head_only);
}

static void answer_file(struct http_session *h, const struct http_asked *asked, const char *path,
                        int file, uint64_t size)
{
    struct http_text range;
    char fields[256];
    uint64_t first = 0;
    uint64_t last = size > 0 ? size - 1 : 0;
    int status = 200;
    if (!asked->head_only && http_field(asked->head, asked->len, "Range", &range))
        status = http_range(range, size, &first, &last);
    if (status == 416) {
        (void)close(file);
        (void)snprintf(fields, sizeof fields, "Content-Range: bytes */%llu\r\n",
                       (unsigned long long)size);
        http_answer_status(h, 416, fields, false);
        return;
    }
    int n = snprintf(fields, sizeof fields, "Content-Type: %s\r\nAccept-Ranges: bytes\r\n",
                     content_type(path));
    if (status == 206)
        (void)snprintf(fields + n, sizeof fields - (size_t)n,
                       "Content-Range: bytes %llu-%llu/%llu\r\n", (unsigned long long)first,
                       (unsigned long long)last, (unsigned long long)size);
    else
        first = 0;
    http_answer_file(h, status, fields, file, first, status == 206 ? last - first + 1 : size,
                     asked->head_only);
}

/* The site: what lies beneath the root. */
static void answer(void *site, struct http_session *h, const struct http_asked *asked)
{
    char path[PATH_BYTES];
    uint64_t size = 0;
    int file = -1;
    (void)site;
    int status = http_path(asked->request.target, path, sizeof path);
    if (status == 200)
        status = open_file(path, &file, &size);
    if (status == 301)
        redirect(h, asked);
    else if (status != 200)
        http_answer_status(h, status, "", asked->head_only);
    else
        answer_file(h, asked, path, file, size);
}

void serve_http(struct hf_stack *stack, struct served *served)
{
    if (!served->http)
        served->http = http_session_begin(answer, NULL, REQUESTS_AT_ONCE);
    serve_session(stack, served);
}
