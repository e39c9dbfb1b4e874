// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Register ids, for `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`.

use super::bindings::*;

/// The id of register `index` of a kind (`KVM_REG_RISCV_CORE` and the like, with its subtype) and
/// a size (`KVM_REG_SIZE_*`).
pub const fn kvm_riscv_reg(kind: u32, size: u64, index: u64) -> u64 {
    KVM_REG_RISCV as u64 | size | kind as u64 | index
}

/// The id of a configuration register: `offset_of!(kvm_riscv_config, isa)`.
pub const fn kvm_riscv_config_reg(offset: usize) -> u64 {
    word(KVM_REG_RISCV_CONFIG, offset)
}

/// The id of a core register: `offset_of!(kvm_riscv_core, regs.pc)`.
pub const fn kvm_riscv_core_reg(offset: usize) -> u64 {
    word(KVM_REG_RISCV_CORE, offset)
}

/// The id of a general control register: `offset_of!(kvm_riscv_csr, sstatus)`.
pub const fn kvm_riscv_csr_reg(offset: usize) -> u64 {
    word(KVM_REG_RISCV_CSR | KVM_REG_RISCV_CSR_GENERAL, offset)
}

/// The id of a timer register: `offset_of!(kvm_riscv_timer, time)`.
pub const fn kvm_riscv_timer_reg(offset: usize) -> u64 {
    word(KVM_REG_RISCV_TIMER, offset)
}

/// The id of whether an extension (`KVM_RISCV_ISA_EXT_*`) is on.
pub const fn kvm_riscv_isa_ext_reg(extension: u64) -> u64 {
    let kind = KVM_REG_RISCV_ISA_EXT | KVM_REG_RISCV_ISA_SINGLE;
    kvm_riscv_reg(kind, KVM_REG_SIZE_U64, extension)
}

/// Structures of machine words, counted by those.
const fn word(kind: u32, offset: usize) -> u64 {
    kvm_riscv_reg(kind, KVM_REG_SIZE_U64, (offset / 8) as u64)
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;

    #[test]
    fn ids_are_those_of_the_kernels_documentation() {
        assert_eq!(
            kvm_riscv_config_reg(offset_of!(kvm_riscv_config, isa)),
            0x8030_0000_0100_0000
        );
        assert_eq!(
            kvm_riscv_core_reg(offset_of!(kvm_riscv_core, mode)),
            0x8030_0000_0200_0020
        );
        assert_eq!(
            kvm_riscv_csr_reg(offset_of!(kvm_riscv_csr, sie)),
            0x8030_0000_0300_0001
        );
        assert_eq!(
            kvm_riscv_timer_reg(offset_of!(kvm_riscv_timer, state)),
            0x8030_0000_0400_0003
        );
        assert_eq!(kvm_riscv_isa_ext_reg(2), 0x8030_0000_0700_0002);
    }
}
