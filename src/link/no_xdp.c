/* AF_XDP, where the library was built without libxdp. */
#include <handfast/link.h>

#include <stdio.h>

struct hf_link *hf_link_xdp(const struct hf_interface_config *config, char *error)
{
    (void)snprintf(error, HF_ERROR_TEXT, "%s: built without AF_XDP (libxdp was not there)",
                   config->name);
    return NULL;
}
