/* Addresses as text: hf_addr_parse, hf_addr_format, hf_endpoint_format, hf_addr_equal.
 *
 * Written out here because the core has no C library. Reading is strict, so that one address
 * has few spellings and none of them surprises a filter: four decimal parts without leading
 * zeroes, no IPv4-mapped address, a zone only where it means something. Writing is the one
 * form that RFC 5952 4 recommends.
 *
 * RFC 4291 2.2, RFC 5952, RFC 4007 11, RFC 6943 3.1.1. */
#include <handfast/address.h>

#include <stdbool.h>
#include <string.h>

#include "wire/flow.h"

/* ---- Reading ---- */

/* A decimal number of 1 to 3 digits without leading zeroes, up to 255. Moves *text behind. */
static bool read_byte(const char **text, uint8_t *value)
{
    const char *p = *text;
    unsigned n = 0;
    while (*p >= '0' && *p <= '9' && p - *text < 3)
        n = n * 10 + (unsigned)(*p++ - '0');
    if (p == *text || n > 255 || (**text == '0' && p - *text > 1))
        return false;
    *text = p;
    *value = (uint8_t)n;
    return true;
}

static bool read_quad(const char **text, uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0 && *(*text)++ != '.')
            return false;
        if (!read_byte(text, &bytes[i]))
            return false;
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* 1 to 4 hexadecimal digits; returns how many, and leaves *text behind them. */
static unsigned read_group(const char **text, uint8_t *bytes)
{
    unsigned value = 0, digits = 0;
    for (int digit; digits < 4 && (digit = hex_digit(**text)) >= 0; digits++, (*text)++)
        value = value << 4 | (unsigned)digit;
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
    return digits;
}

#define NO_GAP 17u

/* The groups of an IPv6 address, up to its end or its zone. */
static bool read_groups(const char **text, uint8_t bytes[16])
{
    unsigned len = 0, gap = NO_GAP; /* bytes read; where "::" stands among them              */
    const char *p = *text;
    if (p[0] == ':') {
        if (p[1] != ':')
            return false;
        gap = 0;
        p += 2;
    }
    while (hex_digit(*p) >= 0) {
        const char *group = p;
        if (len == 16)
            return false;
        read_group(&p, bytes + len);
        if (*p == '.') { /* the last four bytes as a dotted quad */
            if (len > 12 || !read_quad(&group, bytes + len))
                return false;
            len += 4;
            p = group;
            break;
        }
        len += 2;
        if (*p != ':')
            break;
        p++;
        if (*p == ':') {
            if (gap != NO_GAP)
                return false;
            gap = len;
            p++;
        } else if (hex_digit(*p) < 0) { /* a single colon at the end */
            return false;
        }
    }
    if (gap != NO_GAP) { /* "::" stands for at least one group */
        if (len > 14)
            return false;
        memmove(bytes + 16 - (len - gap), bytes + gap, len - gap);
        memset(bytes + gap, 0, 16 - len);
        len = 16;
    }
    *text = p;
    return len == 16;
}

static bool read_ipv6(const char *text, struct hf_addr *addr)
{
    addr->family = HF_IPV6;
    if (!read_groups(&text, addr->bytes) || hf_key_is_ipv4(addr->bytes))
        return false;
    if (*text == '%') {
        text++;
        if (!hf_key_is_link_local(addr->bytes) || !read_byte(&text, &addr->zone) ||
            addr->zone == 0)
            return false;
    }
    return *text == 0;
}

static bool read_ipv4(const char *text, struct hf_addr *addr)
{
    addr->family = HF_IPV4;
    return read_quad(&text, addr->bytes) && *text == 0;
}

int hf_addr_parse(const char *text, struct hf_addr *addr)
{
    if (!text || !addr)
        return HF_ERR_ARGUMENT;
    bool ipv6 = false;
    for (const char *p = text; *p && !ipv6; p++)
        ipv6 = *p == ':';
    struct hf_addr read = {0};
    if (!(ipv6 ? read_ipv6(text, &read) : read_ipv4(text, &read)))
        return HF_ERR_ARGUMENT;
    *addr = read;
    return 0;
}

/* ---- Writing ---- */

static char *put_decimal(char *p, unsigned n)
{
    char digits[10];
    int count = 0;
    do
        digits[count++] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    while (count > 0)
        *p++ = digits[--count];
    return p;
}

static char *put_group(char *p, unsigned n)
{
    static const char hex[] = "0123456789abcdef";
    for (unsigned shift = 12; shift > 0; shift -= 4)
        if (n >> shift)
            *p++ = hex[n >> shift & 15];
    *p++ = hex[n & 15];
    return p;
}

static char *put_ipv4(char *p, const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *p++ = '.';
        p = put_decimal(p, bytes[i]);
    }
    return p;
}

/* The longest run of zero groups, the first of several; what "::" stands for. Length 0 when
 * none has two groups (RFC 5952 4.2). */
static void find_gap(const uint8_t *bytes, int *start, int *len)
{
    *start = 8;
    *len = 0;
    for (int i = 0, run = 0; i < 8; i++) {
        run = bytes[2 * i] == 0 && bytes[2 * i + 1] == 0 ? run + 1 : 0;
        if (run > 1 && run > *len) {
            *len = run;
            *start = i + 1 - run;
        }
    }
}

static char *put_ipv6(char *p, const struct hf_addr *addr)
{
    int gap, gap_len;
    find_gap(addr->bytes, &gap, &gap_len);
    for (int i = 0; i < 8; i++) {
        if (i == gap) {
            *p++ = ':';
            *p++ = ':';
            i += gap_len - 1;
            continue;
        }
        if (i > 0 && i != gap + gap_len)
            *p++ = ':';
        p = put_group(p, (unsigned)addr->bytes[2 * i] << 8 | addr->bytes[2 * i + 1]);
    }
    if (addr->zone) {
        *p++ = '%';
        p = put_decimal(p, addr->zone);
    }
    return p;
}

static char *put_addr(char *p, const struct hf_addr *addr)
{
    if (addr->family == HF_IPV4)
        return put_ipv4(p, addr->bytes);
    if (addr->family == HF_IPV6)
        return put_ipv6(p, addr);
    *p++ = '*';
    return p;
}

char *hf_addr_format(const struct hf_addr *addr, char *text)
{
    *put_addr(text, addr) = 0;
    return text;
}

char *hf_endpoint_format(const struct hf_endpoint *end, char *text)
{
    bool brackets = end->addr.family == HF_IPV6;
    char *p = text;
    if (brackets)
        *p++ = '[';
    p = put_addr(p, &end->addr);
    if (brackets)
        *p++ = ']';
    *p++ = ':';
    p = put_decimal(p, end->port);
    *p = 0;
    return text;
}

int hf_addr_equal(const struct hf_addr *a, const struct hf_addr *b)
{
    return a->family == b->family && a->zone == b->zone && memcmp(a->bytes, b->bytes, 16) == 0;
}
