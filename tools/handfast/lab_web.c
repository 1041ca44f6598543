/* The lab's site over Handfast's own TCP, or the kernel's. */
#include "lab_web.h"
#include "http_kernel.h"
#include "lab_site.h"
#include "serve.h"

#include <string.h>

static void serve_lab(struct hf_stack *stack, struct served *served)
{
    if (!served->http)
        served->http = http_session_begin(lab_site_answer, &served->remote, 1);
    serve_session(stack, served);
}

bool lab_web_listen(const char *text, struct hf_endpoint *end)
{
    char addr[HF_ADDR_TEXT];
    const char *colon = strrchr(text, ':');
    const char *port = colon ? colon + 1 : text;
    size_t len = colon ? (size_t)(colon - text) : 0;
    memset(end, 0, sizeof *end);
    if (strcmp(port, "0") != 0 && !port_parse(port, &end->port))
        return false;
    if (!colon)
        return hf_addr_parse("127.0.0.1", &end->addr) == 0;
    bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (brackets)
        text++, len -= 2;
    if (len >= sizeof addr)
        return false;
    memcpy(addr, text, len);
    addr[len] = 0;
    return hf_addr_parse(addr, &end->addr) == 0 && brackets == (end->addr.family == HF_IPV6);
}

static int over_kernel(const struct command *command, const struct hf_endpoint *listen)
{
    struct kernel_config config = {.answer = lab_site_answer,
                                   .what = "the lab",
                                   .listen = *listen,
                                   .connections_max = LAB_CONNECTIONS_MAX,
                                   .idle_max_s = LAB_IDLE_MAX / HF_SEC};
    return kernel_serve(command, &config);
}

int lab_web(const struct command *command, const struct hf_endpoint *listen, uint16_t port,
            const char *language, uint64_t seed)
{
    lab_site.language = language;
    lab_site.seed = seed;
    if (listen)
        return over_kernel(command, listen);
    struct lab_live *live = lab_live_create();
    if (!live)
        return failure(command, "no memory");
    struct server_config config = {.service = serve_lab,
                                   .port = port,
                                   .what = "the lab",
                                   .url = "http://",
                                   .idle_max = LAB_IDLE_MAX,
                                   .connections_max = LAB_CONNECTIONS_MAX,
                                   .look = lab_live_record,
                                   .context = live};
    lab_site.live = live;
    int status = server_run(command, &config);
    lab_site.live = NULL;
    lab_live_destroy(live);
    return status;
}
