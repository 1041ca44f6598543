/* The lab as a site: what its pages, data and pictures are, whoever carries them. */
#ifndef HANDFAST_TOOL_LAB_SITE_H
#define HANDFAST_TOOL_LAB_SITE_H

#include "http_session.h"
#include "lab_live.h"

/* The site. One of it; set before the first request. */
struct lab_site {
    const char *language; /* that the page begins with, "en" or "zh"; "": the browser's       */
    uint64_t seed;        /* the same                                                       */
    const struct lab_live *live; /* NULL: the connections are the kernel's                   */
};
extern struct lab_site lab_site;

/* lab_site_answer: a http_site_fn whose context is the peer, a const struct hf_endpoint *. */
void lab_site_answer(void *remote, struct http_session *session, const struct http_asked *asked);

#define LAB_CONNECTIONS_MAX 64
#define LAB_IDLE_MAX (60 * HF_SEC)

#endif
