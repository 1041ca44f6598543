/* ip/route.c: the way to an address and the source for it. */
#include "env.h"

static void add_route(struct world *w, unsigned link, const char *text, unsigned bits)
{
    struct hf_addr a = addr(text);
    assert_int_equal(hf_ip_add_route(&w->ip, link, &a, bits), 0);
}

static int route(struct world *w, const char *remote, unsigned zone, const char *local,
                 bool foreign, struct hf_path *path, uint8_t chosen[16])
{
    memset(path, 0, sizeof *path);
    memset(chosen, 0, 16);
    if (local)
        memcpy(chosen, key(local), 16);
    return hf_ip_route(&w->env, &w->ip, key(remote), zone, chosen, foreign, path);
}

TEST(longest_prefix_then_first_added, none, "")
{
    static const struct {
        const char *remote;
        unsigned link;
        const char *source;
    } rows[] = {
        {"10.1.0.77", 1, "10.1.0.2"},      {"10.2.0.77", 2, "10.2.0.2"},
        {"192.0.2.1", 1, "10.1.0.2"},      {"198.51.100.1", 2, "10.2.0.2"},
        {"198.51.100.200", 1, "10.1.0.2"}, {"203.0.113.5", 2, "10.2.0.2"},
        {"fd01::77", 1, "fd01::2"},        {"fd02::77", 2, "fd02::2"},
        {"2001:db8::1", 1, "fd01::2"},     {"2001:db8:1::1", 2, "fd02::2"},
    };
    struct world w;
    world_up(&w);
    add_route(&w, 2, "198.51.100.99", 24); /* host bits do not matter */
    add_route(&w, 1, "198.51.100.128", 25);
    add_route(&w, 2, "203.0.113.0", 24);
    add_route(&w, 1, "203.0.113.0", 24);
    add_route(&w, 2, "2001:db8:1::", 48);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hf_path path;
        uint8_t local[16];
        assert_int_equal(route(&w, rows[i].remote, 0, NULL, false, &path, local), 0);
        assert_int_equal(path.link, rows[i].link);
        assert_memory_equal(local, key(rows[i].source), 16);
    }
    world_down(&w);
}

TEST(against_a_naive_table, none, "")
{
    struct world w;
    world_up_bare(&w);
    struct hf_link_config config = {.size = sizeof config, .mtu = 1500};
    for (int i = 0; i < HF_LINKS_MAX; i++) {
        struct hf_addr a = addr("172.16.0.1");
        a.bytes[2] = (uint8_t)i;
        hf_ip_add_link(&w.ip, &config);
        hf_ip_add_address(&w.ip, (unsigned)i + 1, &a, 32);
    }
    struct {
        uint32_t prefix;
        unsigned bits, link;
    } naive[HF_IP_ROUTES_MAX];
    unsigned n = 0;
    for (; n < HF_IP_ROUTES_MAX - HF_LINKS_MAX; n++) {
        unsigned bits = (unsigned)check_random_below(25);
        uint32_t value = 10u << 24 | (uint32_t)check_random_below(16) << 18;
        struct hf_addr a = {.family = HF_IPV4};
        for (int i = 0; i < 4; i++)
            a.bytes[i] = (uint8_t)(value >> (24 - 8 * i));
        naive[n].prefix = value;
        naive[n].bits = bits;
        naive[n].link = 1 + (unsigned)check_random_below(HF_LINKS_MAX);
        assert_int_equal(hf_ip_add_route(&w.ip, naive[n].link, &a, bits), 0);
    }
    for (int k = 0; k < 5000; k++) {
        uint32_t to = 10u << 24 | (uint32_t)check_random_below(1 << 22) | 1;
        int best = -1;
        for (unsigned i = 0; i < n; i++) {
            uint32_t mask = naive[i].bits ? ~0u << (32 - naive[i].bits) : 0;
            bool match = ((naive[i].prefix ^ to) & mask) == 0;
            if (match && (best < 0 || naive[i].bits > naive[best].bits))
                best = (int)i;
        }
        uint8_t remote[16], local[16] = {0};
        memcpy(remote, key("0.0.0.0"), 16);
        for (int i = 0; i < 4; i++)
            remote[12 + i] = (uint8_t)(to >> (24 - 8 * i));
        struct hf_path path;
        int result = hf_ip_route(&w.env, &w.ip, remote, 0, local, false, &path);
        assert_int_equal(result, best < 0 ? HF_ERR_ROUTE : 0);
        if (best >= 0)
            assert_int_equal(path.link, naive[best].link);
    }
    world_down(&w);
}

TEST(link_local_takes_the_link_of_its_zone, none, "")
{
    struct world w;
    world_up(&w);
    struct hf_path path;
    uint8_t local[16];
    assert_int_equal(route(&w, "fe80::99", 2, NULL, false, &path, local), 0);
    assert_int_equal(path.link, 2);
    assert_memory_equal(local, key("fe80::3"), 16);
    assert_int_equal(route(&w, "fe80::99", 1, NULL, false, &path, local), 0);
    assert_memory_equal(local, key("fe80::2"), 16);
    assert_int_equal(route(&w, "fe80::99", 0, NULL, false, &path, local), HF_ERR_ROUTE);
    assert_int_equal(route(&w, "fe80::99", 3, NULL, false, &path, local), HF_ERR_ROUTE);
    assert_int_equal(route(&w, "fe80::99", 1, "fe80::3", false, &path, local), HF_ERR_ADDRESS);
    world_down(&w);
}

TEST(local_address_that_was_given, none, "")
{
    static const struct {
        const char *remote, *local;
        bool foreign;
        int result;
    } rows[] = {
        {"10.1.0.77", "10.1.0.2", false, 0},
        {"10.1.0.77", "10.2.0.2", false, 0}, /* weak host */
        {"10.1.0.77", "10.1.0.3", false, HF_ERR_ADDRESS},
        {"10.1.0.77", "10.1.0.3", true, 0},
        {"10.1.0.77", "224.0.0.1", true, HF_ERR_ADDRESS},
        {"10.1.0.77", "fd01::2", false, HF_ERR_ADDRESS},
        {"fd01::77", "10.1.0.2", true, HF_ERR_ADDRESS},
        {"fd01::77", "fd01::2", false, 0},
        {"10.1.0.77", "0.0.0.0", false, 0}, /* any of ours */
    };
    struct world w;
    world_up(&w);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct hf_path path;
        uint8_t local[16];
        int result = route(&w, rows[i].remote, 0, rows[i].local, rows[i].foreign, &path, local);
        if (result != rows[i].result)
            fail_msg("row %zu: %d, expected %d", i, result, rows[i].result);
    }
    world_down(&w);
}

TEST(no_way, none, "")
{
    struct world w;
    struct hf_path path;
    uint8_t local[16];
    world_up(&w);
    assert_int_equal(route(&w, "10.1.0.255", 0, NULL, false, &path, local), HF_ERR_ADDRESS);
    assert_int_equal(route(&w, "224.0.0.1", 0, NULL, false, &path, local), HF_ERR_ADDRESS);
    assert_int_equal(route(&w, "0.0.0.0", 0, NULL, false, &path, local), HF_ERR_ADDRESS);
    assert_int_equal(route(&w, "127.0.0.1", 0, NULL, false, &path, local), HF_ERR_ADDRESS);
    assert_int_equal(route(&w, "ff02::1", 1, NULL, false, &path, local), HF_ERR_ADDRESS);
    assert_int_equal(route(&w, "::1", 0, NULL, false, &path, local), HF_ERR_ADDRESS);
    assert_int_equal(route(&w, "10.1.0.2", 0, NULL, false, &path, local), HF_ERR_ROUTE);
    assert_int_equal(route(&w, "fd02::2", 0, NULL, false, &path, local), HF_ERR_ROUTE);
    world_down(&w);

    world_up_bare(&w); /* a route, but no address of the family */
    struct hf_link_config config = {.size = sizeof config, .mtu = 1500};
    hf_ip_add_link(&w.ip, &config);
    assert_int_equal(route(&w, "10.1.0.1", 0, NULL, false, &path, local), HF_ERR_ROUTE);
    add_route(&w, 1, "0.0.0.0", 0);
    assert_int_equal(route(&w, "10.1.0.1", 0, NULL, false, &path, local), HF_ERR_ROUTE);
    assert_int_equal(route(&w, "10.1.0.1", 0, "10.9.9.9", true, &path, local), 0);
    assert_int_equal(route(&w, "fd01::1", 0, NULL, false, &path, local), HF_ERR_ROUTE);
    world_down(&w);
}

TEST(path_tells_what_the_link_can_do, none, "")
{
    struct world w;
    world_up(&w);
    struct hf_link_config config = {
        .size = sizeof config, .mtu = 9000, .features = HF_LINK_CHECKSUM_OUT, .gso_max = 65000};
    assert_int_equal(hf_ip_add_link(&w.ip, &config), 3);
    struct hf_addr a = addr("10.3.0.2");
    assert_int_equal(hf_ip_add_address(&w.ip, 3, &a, 24), 0);
    struct hf_path path;
    uint8_t local[16];
    assert_int_equal(route(&w, "10.3.0.9", 0, NULL, false, &path, local), 0);
    assert_int_equal(path.link, 3);
    assert_int_equal(path.mtu, 9000);
    assert_int_equal(path.link_mtu, 9000);
    assert_int_equal(path.features, HF_LINK_CHECKSUM_OUT);
    assert_int_equal(path.gso_max, 65000);
    assert_int_equal(path.ttl, 64);
    world_down(&w);
}
