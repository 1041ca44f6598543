/* ip/address.c: what an address is, whose it is, and what may be added. */
#include "env.h"

TEST(unicast_by_class, none, "MUST-63")
{
    static const struct {
        const char *text;
        bool unicast;
    } rows[] = {
        {"10.9.9.9", true},
        {"192.0.2.1", true},
        {"169.254.1.1", true},
        {"0.0.0.0", false},
        {"0.1.2.3", false},
        {"127.0.0.1", false},
        {"127.255.255.254", false},
        {"224.0.0.1", false},
        {"239.255.255.255", false},
        {"255.255.255.255", false},
        {"10.1.0.255", false}, /* of our prefix on link 1 */
        {"10.1.0.0", false},
        {"10.2.0.255", false}, /* and on link 2 */
        {"10.1.1.255", true},  /* not ours */
        {"2001:db8::1", true},
        {"fe80::1", true},
        {"fd01::", true},
        {"::", false},
        {"::1", false},
        {"ff02::1", false},
        {"ff0e::1:2", false},
    };
    struct world w;
    world_up(&w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (hf_ip_is_unicast(&w.ip, key(rows[i].text)) != rows[i].unicast)
            fail_msg("%s is taken for %s", rows[i].text, rows[i].unicast ? "bad" : "unicast");
    world_down(&w);
}

TEST(broadcast_of_a_prefix_of_each_length, none, "MUST-57")
{
    for (unsigned bits = 8; bits <= 32; bits++) {
        struct world w;
        world_up_bare(&w);
        struct hf_link_config link = {.size = sizeof link, .mtu = 1500};
        hf_ip_add_link(&w.ip, &link);
        struct hf_addr a = addr("10.85.85.85");
        assert_int_equal(hf_ip_add_address(&w.ip, 1, &a, bits), 0);
        uint8_t all_ones[16], all_zero[16];
        memcpy(all_ones, key("10.85.85.85"), 16);
        memcpy(all_zero, all_ones, 16);
        for (unsigned bit = bits; bit < 32; bit++) {
            all_ones[12 + bit / 8] |= (uint8_t)(0x80 >> bit % 8);
            all_zero[12 + bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        }
        assert_int_equal(hf_ip_is_unicast(&w.ip, all_ones), bits >= 31);
        assert_int_equal(hf_ip_is_unicast(&w.ip, all_zero), bits >= 31);
        assert_true(hf_ip_is_unicast(&w.ip, key("10.85.85.85")));
        world_down(&w);
    }
}

TEST(ours_and_on_which_link, none, "")
{
    struct world w;
    world_up(&w);
    assert_int_equal(hf_ip_is_ours(&w.ip, key("10.1.0.2")), 1);
    assert_int_equal(hf_ip_is_ours(&w.ip, key("fd02::2")), 2);
    assert_int_equal(hf_ip_is_ours(&w.ip, key("fe80::3")), 2);
    assert_int_equal(hf_ip_is_ours(&w.ip, key("10.1.0.3")), 0);
    assert_int_equal(hf_ip_is_ours(&w.ip, key("::")), 0);
    world_down(&w);
}

TEST(what_may_be_added, none, "")
{
    static const struct {
        const char *text;
        unsigned link, bits;
        int result;
    } rows[] = {
        {"10.1.0.3", 1, 24, 0},
        {"10.1.0.3", 1, 24, 0}, /* again: nothing to do */
        {"10.1.0.3", 2, 24, HF_ERR_ADDRESS},
        {"10.7.0.1", 3, 24, HF_ERR_ARGUMENT}, /* no such link */
        {"10.7.0.1", 0, 24, HF_ERR_ARGUMENT},
        {"10.7.0.1", 16, 24, HF_ERR_ARGUMENT},
        {"10.7.0.1", 1, 33, HF_ERR_ARGUMENT},
        {"fd07::1", 1, 129, HF_ERR_ARGUMENT},
        {"10.7.0.255", 1, 24, HF_ERR_ADDRESS}, /* its own broadcast */
        {"10.7.0.0", 1, 24, HF_ERR_ADDRESS},
        {"10.7.0.0", 1, 31, 0},                /* RFC 3021 */
        {"10.1.0.255", 1, 32, HF_ERR_ADDRESS}, /* another's */
        {"127.0.0.1", 1, 8, HF_ERR_ADDRESS},
        {"224.0.0.1", 1, 4, HF_ERR_ADDRESS},
        {"0.0.0.0", 1, 0, HF_ERR_ADDRESS},
        {"::", 1, 0, HF_ERR_ADDRESS},
        {"::1", 1, 128, HF_ERR_ADDRESS},
        {"ff02::1", 1, 64, HF_ERR_ADDRESS},
        {"::ffff:10.9.0.1", 1, 128, HF_ERR_ADDRESS},
        {"fe80::2", 2, 64, 0}, /* link-local: another link, another address */
    };
    struct world w;
    world_up(&w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hf_addr a = addr(rows[i].text);
        int result = hf_ip_add_address(&w.ip, rows[i].link, &a, rows[i].bits);
        if (result != rows[i].result)
            fail_msg("row %zu, %s/%u: %d, expected %d", i, rows[i].text, rows[i].bits, result,
                     rows[i].result);
    }
    struct hf_addr none = {.family = HF_FAMILY_NONE};
    assert_int_equal(hf_ip_add_address(&w.ip, 1, &none, 0), HF_ERR_ARGUMENT);
    struct hf_addr zoned = addr("fe80::9");
    zoned.zone = 2;
    assert_int_equal(hf_ip_add_address(&w.ip, 1, &zoned, 64), HF_ERR_ARGUMENT);
    assert_int_equal(hf_ip_add_address(&w.ip, 2, &zoned, 64), 0);
    world_down(&w);
}

TEST(limits_of_links_addresses_and_routes, none, "")
{
    struct world w;
    world_up_bare(&w);
    struct hf_link_config link = {.size = sizeof link, .mtu = 67};
    assert_int_equal(hf_ip_add_link(&w.ip, &link), HF_ERR_ARGUMENT);
    link.mtu = 65536;
    assert_int_equal(hf_ip_add_link(&w.ip, &link), HF_ERR_ARGUMENT);
    link.mtu = 68;
    for (int i = 1; i <= HF_LINKS_MAX; i++)
        assert_int_equal(hf_ip_add_link(&w.ip, &link), i);
    assert_int_equal(hf_ip_add_link(&w.ip, &link), HF_ERR_LIMIT);

    struct hf_addr v6 = addr("fd01::1"); /* RFC 8200 5 wants 1280 */
    assert_int_equal(hf_ip_add_address(&w.ip, 1, &v6, 64), HF_ERR_ARGUMENT);
    assert_int_equal(hf_ip_add_route(&w.ip, 1, &v6, 64), HF_ERR_ARGUMENT);

    struct hf_addr a = addr("10.0.0.1");
    for (int i = 0; i < HF_IP_ADDRESSES_MAX; i++) {
        a.bytes[1] = (uint8_t)i;
        assert_int_equal(hf_ip_add_address(&w.ip, 1, &a, 24), 0);
    }
    a.bytes[1] = 99;
    assert_int_equal(hf_ip_add_address(&w.ip, 1, &a, 24), HF_ERR_LIMIT);
    for (int i = HF_IP_ADDRESSES_MAX; i < HF_IP_ROUTES_MAX; i++)
        assert_int_equal(hf_ip_add_route(&w.ip, 1, &a, 24), 0);
    assert_int_equal(hf_ip_add_route(&w.ip, 1, &a, 24), HF_ERR_LIMIT);
    world_down(&w);
}
