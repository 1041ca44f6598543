/* src/wire/flow.c: keys and addresses. */
#include "check.h"

#include <string.h>

#include "wire/flow.h"

static struct hf_addr there_and_back(const struct hf_addr *addr, unsigned zone)
{
    uint8_t key[16];
    struct hf_addr out;
    memset(key, 0xee, sizeof key);
    memset(&out, 0xee, sizeof out);
    hf_key_from_addr(key, addr);
    hf_key_to_addr(key, zone, &out);
    return out;
}

TEST(keys_of_both_families, none, "")
{
    static const char *const texts[] = {"192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1",
                                        "::1",       "ff02::1", "fe80::1%3"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct hf_addr addr;
        assert_int_equal(hf_addr_parse(texts[i], &addr), 0);
        struct hf_addr out = there_and_back(&addr, addr.zone);
        assert_true(hf_addr_equal(&addr, &out));
        uint8_t key[16];
        hf_key_from_addr(key, &addr);
        assert_int_equal(hf_key_is_ipv4(key), addr.family == HF_IPV4);
    }
}

TEST(no_address_is_the_zero_key, none, "")
{
    static const uint8_t zero[16];
    struct hf_addr none = {0}, out = there_and_back(&none, 4);
    uint8_t key[16];
    hf_key_from_addr(key, &none);
    assert_memory_equal(key, zero, 16);
    assert_true(hf_addr_equal(&none, &out));
}

TEST(zone_only_for_link_local, none, "")
{
    struct hf_addr addr;
    assert_int_equal(hf_addr_parse("2001:db8::1", &addr), 0);
    assert_int_equal(there_and_back(&addr, 4).zone, 0);
    assert_int_equal(hf_addr_parse("febf::1", &addr), 0);
    assert_int_equal(there_and_back(&addr, 4).zone, 4);
    assert_int_equal(hf_addr_parse("192.0.2.1", &addr), 0);
    assert_int_equal(there_and_back(&addr, 4).zone, 0);
}
