// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! KVM on riscv64.

#[allow(missing_docs, unreachable_pub, unsafe_op_in_unsafe_fn)]
#[allow(clippy::all, clippy::undocumented_unsafe_blocks)]
#[rustfmt::skip] // as the generator writes it
pub mod bindings;
#[cfg(feature = "fam-wrappers")]
pub mod fam_wrappers;
pub mod one_reg;
#[cfg(feature = "serde")]
mod state;

pub use self::bindings::*;
#[cfg(feature = "fam-wrappers")]
pub use self::fam_wrappers::*;
pub use self::one_reg::*;
