/* src/wire/address.c: addresses as text, against tables and against the C library's inet_pton and
 * inet_ntop, which agree with us but for what handfast/address.h says. */
#include "check.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include <handfast/address.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

TEST(text_is_read_and_written_in_its_one_form, none, "")
{
    static const struct {
        const char *text, *form;
    } row[] = {
        {"0.0.0.0", "0.0.0.0"},
        {"192.0.2.1", "192.0.2.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:0db8:0000:0000:0000:0000:0002:0001", "2001:db8::2:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* RFC 5952 4.2.2: not one group */
        {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},       /* 4.2.3: the longest            */
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"}, /* the first of two              */
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
        {"fe80::1%2", "fe80::1%2"},
        {"fe80::1", "fe80::1"},
        {"febf::1%255", "febf::1%255"},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct hf_addr addr, again;
        char text[HF_ADDR_TEXT];
        if (hf_addr_parse(row[i].text, &addr) != 0)
            fail_msg("%s was not read", row[i].text);
        assert_ptr_equal(hf_addr_format(&addr, text), text);
        assert_string_equal(text, row[i].form);
        assert_int_equal(hf_addr_parse(text, &again), 0);
        assert_true(hf_addr_equal(&addr, &again));
    }
}

TEST(what_is_not_an_address, none, "")
{
    /* clang-format off */
    static const char *const row[] = {
        "", " ", "*", "a", "1", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", " 1.2.3.4", "1.2.3.256",
        "1.2.3.1000", "01.2.3.4", "1.2.3.00", "1..3.4", "1.2.3.", ".1.2.3", "0x1.2.3.4",
        "1.2.3.-4",
        "127.1", "2130706433", "1.2.3.4%1", ":", ":::", ":1", "1:", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2::3", "12345::",
        "::g", "1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7", "::1.2.3", "::1.2.3.256", "1.2.3.4::",
        "::1.2.3.4:1", "1:2:3:4:5:6:7:1.2.3.4", "::ffff:192.0.2.1", "::ffff:c000:201",
        "2001:db8::1%2", "::1%1", "ff02::1%1", "fe80::1%", "fe80::1%0", "fe80::1%01",
        "fe80::1%256", "fe80::1%1x", "fe80::1%eth0", "fe80::1%1%1", "[::1]", "::1/64"};
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct hf_addr addr, was;
        memset(&addr, 0x5a, sizeof addr);
        was = addr;
        if (hf_addr_parse(row[i], &addr) != HF_ERR_ARGUMENT)
            fail_msg("\"%s\" was read", row[i]);
        assert_memory_equal(&addr, &was, sizeof addr);
    }
    struct hf_addr addr;
    assert_int_equal(hf_addr_parse(NULL, &addr), HF_ERR_ARGUMENT);
    assert_int_equal(hf_addr_parse("::1", NULL), HF_ERR_ARGUMENT);
}

TEST(endpoints, none, "")
{
    static const struct {
        const char *addr;
        uint16_t port;
        const char *text;
    } row[] = {
        {"192.0.2.1", 80, "192.0.2.1:80"},
        {"2001:db8::1", 65535, "[2001:db8::1]:65535"},
        {"fe80::1%12", 0, "[fe80::1%12]:0"},
        {NULL, 443, "*:443"},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct hf_endpoint end = {{0}, row[i].port};
        char text[HF_ENDPOINT_TEXT];
        if (row[i].addr)
            assert_int_equal(hf_addr_parse(row[i].addr, &end.addr), 0);
        assert_string_equal(hf_endpoint_format(&end, text), row[i].text);
    }
}

TEST(longest_text_fits, none, "")
{
    struct hf_endpoint end = {{HF_IPV6, 255, {0}}, 65535};
    char text[HF_ENDPOINT_TEXT];
    memset(end.addr.bytes, 0xff, 16);
    assert_true(strlen(hf_addr_format(&end.addr, text)) < HF_ADDR_TEXT);
    assert_true(strlen(hf_endpoint_format(&end, text)) < HF_ENDPOINT_TEXT);
}

TEST(equal_is_family_zone_and_bytes, none, "")
{
    struct hf_addr a = {HF_IPV6, 1, {0xfe, 0x80}}, b = a;
    assert_true(hf_addr_equal(&a, &b));
    b.zone = 2;
    assert_false(hf_addr_equal(&a, &b));
    b = a;
    b.bytes[15] = 1;
    assert_false(hf_addr_equal(&a, &b));
    b = a;
    b.family = HF_IPV4;
    assert_false(hf_addr_equal(&a, &b));
}

TEST(random_addresses_as_the_c_library_writes_them, none, "")
{
    for (int round = 0; round < 50000; round++) {
        struct hf_addr addr = {round & 1 ? HF_IPV4 : HF_IPV6, 0, {0}}, again;
        unsigned len = addr.family == HF_IPV4 ? 4 : 16;
        for (unsigned i = 0; i < len; i++)
            addr.bytes[i] = check_random_below(3) ? 0 : (uint8_t)check_random();
        addr.bytes[0] |= 0x20; /* ::/96 the library writes as a dotted quad, we do not */
        char text[HF_ADDR_TEXT], want[INET6_ADDRSTRLEN];
        int family = addr.family == HF_IPV4 ? AF_INET : AF_INET6;
        assert_non_null(inet_ntop(family, addr.bytes, want, sizeof want));
        assert_string_equal(hf_addr_format(&addr, text), want);
        assert_int_equal(hf_addr_parse(text, &again), 0);
        assert_true(hf_addr_equal(&addr, &again));
    }
}

/* What the C library makes of a text, less what we do not take. */
static bool library_reads(const char *text, struct hf_addr *addr)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memset(addr, 0, sizeof *addr);
    addr->family = strchr(text, ':') ? HF_IPV6 : HF_IPV4;
    return inet_pton(addr->family == HF_IPV4 ? AF_INET : AF_INET6, text, addr->bytes) == 1 &&
           (addr->family == HF_IPV4 || memcmp(addr->bytes, mapped, 12) != 0);
}

TEST(random_text_as_the_c_library_reads_it, none, "")
{
    static const char letters[] = "0123456789abcdefABCDEF::::....g";
    /* clang-format off */
    static const char *const seeds[] = {"192.0.2.1", "2001:db8::1", "1:2:3:4:5:6:7:8",
                                        "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4", "fe80::", ""};
    /* clang-format on */
    unsigned taken = 0;
    for (int round = 0; round < 200000; round++) {
        char text[64] = {0};
        strcpy(text, seeds[check_random_below(ARRAY_LEN(seeds))]);
        for (uint64_t edits = check_random_below(5); edits > 0; edits--) {
            size_t len = strlen(text), at = check_random_below(len + 1);
            if (check_random_below(3) == 0 && at < len) {
                memmove(text + at, text + at + 1, len - at);
            } else {
                memmove(text + at + 1, text + at, len - at + 1);
                text[at] = letters[check_random_below(sizeof letters - 1)];
            }
        }
        struct hf_addr want, addr;
        bool reads = library_reads(text, &want);
        if ((hf_addr_parse(text, &addr) == 0) != reads)
            fail_msg("\"%s\": the C library %s it", text, reads ? "reads" : "does not read");
        if (reads)
            assert_true(hf_addr_equal(&addr, &want));
        taken += reads;
    }
    assert_in_range(taken, 20000, 180000);
}
