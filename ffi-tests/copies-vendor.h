/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Another maker's library, which uses the shared libhazptr. */
#ifndef COPIES_VENDOR_H
#define COPIES_VENDOR_H

#include <hazptr.h>

#ifdef __cplusplus
extern "C" {
#endif
extern void *vendor_acquire(struct hazptr_ctx *ctx, void *const *addr_p);
extern const struct hazptr_control *vendor_control_block(void);
#ifdef __cplusplus
}
#endif

#endif /* COPIES_VENDOR_H */
