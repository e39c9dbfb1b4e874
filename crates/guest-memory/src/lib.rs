// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Guest memory as a device sees it: mapped regions, checked access, transfers to and from the
//! kernel, and rings that may be touched without looking addresses up again.
//!
//! This crate is the only place of the workspace that knows whether a build is for plain shared
//! memory (`mmap`) or for Xen (`xen`). The features exclude each other, because vm-memory swaps
//! its types for the whole build; every other crate only forwards them.
//!
//! | type | what it is |
//! |---|---|
//! | [`MappedRegion`] | one mapping of guest memory, its file checked, guarded against SIGBUS |
//! | [`Memory`] | an immutable set of regions: what one memory table describes |
//! | [`Pinned`] | words of a ring in memory that stays mapped, accessed without a look-up |
//! | [`Uring`] | transfers that the kernel works on while the caller goes on |
//! | [`PromptReads`] | reads of what a file has at hand, many by one system call |
//! | [`Tracking`] | what all memory of one guest shares: the dirty log, and whether a page vanished |
//!
//! Nobody outside keeps a host address. Under Xen a granted page may be mapped for the length of
//! one access only, so all I/O goes through slices that hold their mapping until the system call
//! is over.

#[cfg(all(feature = "mmap", feature = "xen"))]
compile_error!(
    "the features `mmap` and `xen` exclude each other: a build serves one kind of guest memory. \
     For Xen use `--no-default-features --features xen`; never use `--all-features`."
);

#[cfg(not(any(feature = "mmap", feature = "xen")))]
compile_error!(
    "choose the guest memory of this build: `--features mmap` (KVM and other hosts with shared \
     memory) or `--features xen`."
);

mod dirty;
#[cfg(feature = "xen")]
mod foreign;
#[cfg(feature = "xen")]
mod grants;
mod memory;
mod pinned;
mod prompt;
mod region;
mod sigbus;
mod transfer;
mod uring;

#[cfg(not(feature = "xen"))]
#[path = "mmap.rs"]
mod variant;
#[cfg(feature = "xen")]
#[path = "xen.rs"]
mod variant;

pub use dirty::{DIRTY_PAGE_SIZE, LogError, RegionLog, Tracking};
pub use memory::{AccessError, EmbedError, Memory, TableError};
pub use pinned::{PinError, Pinned, Word};
pub use prompt::{PromptRead, PromptReads};
pub use region::{MapError, MappedRegion, RegionKind};
pub use transfer::{Mode, Span};
pub use uring::{Direction, Uring};
pub use variant::{NEEDS_XEN_MMAP, SUPPORTS_DIRTY_LOG, VARIANT};
pub use vm_memory::GuestAddress;

/// A mapping as vm-memory makes it, with this workspace's dirty log.
pub type MmapRegion = vm_memory::MmapRegion<RegionLog>;

/// The memory of a guest in the form that rust-vmm crates exchange.
pub type GuestMemoryMmap = vm_memory::GuestMemoryMmap<RegionLog>;
