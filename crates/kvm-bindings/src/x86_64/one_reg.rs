// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Register ids, for `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`. The header's macros are compound
//! expressions, which cannot be translated.

pub use super::bindings::{KVM_REG_GUEST_SSP, KVM_X86_REG_TYPE_KVM, KVM_X86_REG_TYPE_MSR};
use super::bindings::{KVM_REG_SIZE_U64, KVM_REG_X86};

const fn id(kind: u32, size: u64, index: u32) -> u64 {
    KVM_REG_X86 | size | (kind as u64) << 32 | index as u64
}

/// The id of the model-specific register `index`.
pub const fn kvm_x86_reg_msr(index: u32) -> u64 {
    id(KVM_X86_REG_TYPE_MSR, KVM_REG_SIZE_U64, index)
}

/// The id of KVM's own register `index`. One that is not known here has no size in its id, so that
/// KVM refuses it.
pub const fn kvm_x86_reg_kvm(index: u32) -> u64 {
    let size = match index {
        KVM_REG_GUEST_SSP => KVM_REG_SIZE_U64,
        _ => 0,
    };
    id(KVM_X86_REG_TYPE_KVM, size, index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_kernels_documentation() {
        assert_eq!(kvm_x86_reg_kvm(KVM_REG_GUEST_SSP), 0x2030_0003_0000_0000);
        assert_eq!(kvm_x86_reg_kvm(1), 0x2000_0003_0000_0001);
        assert_eq!(kvm_x86_reg_msr(0xc000_0080), 0x2030_0002_c000_0080);
    }
}
