// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a snapshot of a virtual machine holds.

use super::bindings::*;
use crate::blob::{plain, routes};

plain!(
    kvm_one_reg,
    kvm_riscv_aia_csr,
    kvm_riscv_config,
    kvm_riscv_core,
    kvm_riscv_csr,
    kvm_riscv_sbi_sta,
    kvm_riscv_smstateen_csr,
    kvm_riscv_timer,
    user_regs_struct,
);
routes!();
