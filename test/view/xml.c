/* A small reader of XML: tags that nest, attributes in quotes, entities that exist. */
#include "xml.h"

#include "check.h"

#include <stdbool.h>
#include <string.h>

static const char *skip_name(const char *at)
{
    while (*at && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:", *at))
        at++;
    return at;
}

/* Behind the tag at `at`, which begins with '<'. */
static const char *skip_tag(const char *at, char stack[16][32], int *depth)
{
    bool closing = at[1] == '/';
    const char *name = at + 1 + closing;
    const char *name_end = skip_name(name);
    size_t len = (size_t)(name_end - name);
    assert_true(len > 0 && len < 32);
    at = name_end;
    if (closing) {
        assert_true(*depth > 0);
        (*depth)--;
        assert_int_equal(strncmp(stack[*depth], name, len), 0);
        assert_int_equal(stack[*depth][len], 0);
        assert_int_equal(*at, '>');
        return at + 1;
    }
    while (*at == ' ') {
        at = skip_name(at + 1);
        assert_int_equal(at[0], '=');
        assert_int_equal(at[1], '"');
        at += 2;
        at += strcspn(at, "\"<");
        assert_int_equal(*at, '"');
        at++;
    }
    if (at[0] == '/' && at[1] == '>')
        return at + 2;
    assert_int_equal(*at, '>');
    assert_true(*depth < 16);
    memcpy(stack[*depth], name, len);
    stack[(*depth)++][len] = 0;
    return at + 1;
}

void xml_expect(const char *at)
{
    static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    char stack[16][32];
    int depth = 0;
    assert_int_equal(strncmp(at, head, strlen(head)), 0);
    at += strlen(head);
    while (*at) {
        if (*at == '<') {
            at = skip_tag(at, stack, &depth);
        } else if (*at == '&') {
            assert_true(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 ||
                        strncmp(at, "&gt;", 4) == 0 || strncmp(at, "&quot;", 6) == 0);
            at++;
        } else {
            assert_true((unsigned char)*at >= ' ' || *at == '\n');
            at++;
        }
    }
    assert_int_equal(depth, 0);
}
