// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a snapshot of a virtual machine holds.

use super::bindings::*;
use crate::blob::{plain, routes};

plain!(
    kvm_one_reg,
    kvm_regs,
    kvm_vcpu_init,
    user_fpsimd_state,
    user_pt_regs
);
routes!();
