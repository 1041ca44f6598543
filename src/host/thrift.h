/* Memory that the stack gave back, and that malloc keeps, goes to the system when the host has nothing
 * to do: free memory lies between what is in use, and by itself only the end of the heap goes. */
#ifndef HF_HOST_THRIFT_H
#define HF_HOST_THRIFT_H

#include <handfast/stack.h>

struct hf_thrift {
    hf_time last; /* when it was last done                                                    */
    size_t high;  /* the most memory of the stack since                                       */
    size_t peak;  /* the most ever, as last seen                                              */
};

/* The host is about to sleep until a time. Returns when it should wake at the latest: `until`, or
 * earlier, when there will be something to give back but it is too soon. */
hf_time hf_thrift_rest(struct hf_thrift *thrift, const struct hf_stack *stack, hf_time now,
                       hf_time until);

#endif
