// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Xen's interface for user space on Linux: the ioctls of `/dev/xen/{privcmd,gntdev,gntalloc,evtchn}`,
//! device model operations, I/O requests, grants, event channels, and xenstore's wire format.
//!
//! Generated from the public headers of Xen 4.20; what changes with each release (domctl, sysctl) is
//! not here. Safe wrappers are in `xen-ioctl` and `xen-store`.

#![no_std]

#[allow(
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unsafe_op_in_unsafe_fn,
    unreachable_pub
)]
#[allow(clippy::all, clippy::undocumented_unsafe_blocks)]
#[rustfmt::skip]
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
mod generated;
pub mod by_hand;

pub use by_hand::{buf_ioreq, buffered_iopage};
pub use generated::*;

/// The size of a page to Xen, whatever the kernel's is.
pub const XEN_PAGE_SIZE: usize = 4096;
