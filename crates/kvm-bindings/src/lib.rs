// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

#![doc = include_str!("../README.md")]
#![no_std]
// A name that zerocopy's derive makes looks like one of the kernel's fields.
#![allow(confusable_idents)]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]
#![deny(clippy::undocumented_unsafe_blocks)]

#[cfg(feature = "fam-wrappers")]
extern crate std;

#[cfg(feature = "serde")]
mod blob;
#[cfg(feature = "fam-wrappers")]
mod fam;

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use self::x86_64::*;

#[cfg(target_arch = "aarch64")]
mod arm64;
#[cfg(target_arch = "aarch64")]
pub use self::arm64::*;

#[cfg(target_arch = "riscv64")]
mod riscv64;
#[cfg(target_arch = "riscv64")]
pub use self::riscv64::*;
