/* Reading queries. What is not known is refused rather than ignored: a knob that does nothing would
 * be taken for one that does. */
#include "lab_query.h"

#include <stdlib.h>
#include <string.h>

#define ROOM 256 /* for a name, and for a value                                              */
#define WIDTH_MIN 320
#define WIDTH_MAX 1600

struct parameter {
    char name[ROOM], value[ROOM];
};

static bool is(const struct parameter *p, const char *name)
{
    return strcmp(p->name, name) == 0;
}

/* For a person: what is not plain ASCII is not repeated. */
static void make_plain(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static int refuse(struct lab_query *query, struct parameter *p, const char *english,
                  const char *chinese)
{
    make_plain(p->name);
    make_plain(p->value);
    (void)snprintf(query->error, sizeof query->error, "%.40s=%.40s%s%s", p->name, p->value,
                   SAY(query, ": ", "："), SAY(query, english, chinese));
    return 400;
}

static bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    struct http_text digits = {text, strlen(text)};
    return http_number(digits, number) && *number >= min && *number <= max;
}

static bool read_language(const char *text, int *language)
{
    bool chinese = strcmp(text, "zh") == 0;
    *language = chinese ? HF_CHINESE : HF_ENGLISH;
    return chinese || strcmp(text, "en") == 0;
}

/* The language first: what is wrong elsewhere is told in it. Then the experiment, whose the knobs
 * are. Returns 200 or a status. */
static int read_what(struct lab_query *query, struct parameter *p)
{
    uint64_t number;
    if (is(p, "experiment")) {
        query->experiment = experiment_find(p->value, strlen(p->value));
        if (!query->experiment)
            return refuse(query, p, "no such experiment", "没有这个实验");
        knobs_preset(&query->knobs, query->experiment->knobs);
    } else if (is(p, "width")) {
        if (!read_number(p->value, WIDTH_MIN, WIDTH_MAX, &number))
            return refuse(query, p, "a whole number from 320 to 1600 is wanted",
                          "应为 320 到 1600 的整数");
        query->width = (uint16_t)number;
    } else if (is(p, "seed")) {
        if (!read_number(p->value, 0, UINT64_MAX, &query->seed))
            return refuse(query, p, "a whole number of at most 18 digits is wanted",
                          "应为不超过 18 位的整数");
    }
    return 200;
}

static int read_knob(struct lab_query *query, struct parameter *p)
{
    if (is(p, "lang") || is(p, "experiment") || is(p, "width") || is(p, "seed"))
        return 200;
    if (!query->experiment)
        return refuse(query, p, "this is not known here", "这里没有这个参数");
    return knobs_set(&query->knobs, query->experiment->knobs, p->name, strlen(p->name), p->value,
                     strlen(p->value), query->language, query->error)
               ? 200
               : 400;
}

static int read_words(struct lab_query *query, struct parameter *p)
{
    if (!is(p, "lang") || read_language(p->value, &query->language))
        return 200;
    return refuse(query, p, "en or zh is wanted", "应为 en 或 zh");
}

static int each(struct lab_query *query, struct http_text text,
                int (*read)(struct lab_query *, struct parameter *))
{
    struct parameter p;
    int status;
    while ((status = http_parameter(&text, p.name, p.value, ROOM)) == 200) {
        status = read(query, &p);
        if (status != 200)
            return status;
    }
    if (status != 0)
        (void)snprintf(query->error, sizeof query->error, "%s",
                       status == 400
                           ? SAY(query, "the query has a bad escape", "查询中有错误的转义")
                           : SAY(query, "the query has a name or a value that is too long",
                                 "查询中有过长的名称或值"));
    return status == 0 ? 200 : status;
}

int lab_query_read(struct lab_query *query, struct http_text target)
{
    struct http_text text = http_query(target);
    memset(query, 0, sizeof *query);
    query->language = HF_ENGLISH;
    query->seed = 1;
    int status = each(query, text, read_words);
    if (status == 200)
        status = each(query, text, read_what);
    return status == 200 ? each(query, text, read_knob) : status;
}
