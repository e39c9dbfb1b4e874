// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Register ids, for `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`. The header's macros have parameters,
//! and such cannot be translated.

use super::bindings::*;

const ARM64: u64 = KVM_REG_ARM64;

/// The id of a core register of `size` (`KVM_REG_SIZE_*`), which lies at `offset` in [`kvm_regs`]:
/// `offset_of!(kvm_regs, regs.pc)`.
pub const fn kvm_arm64_core_reg(size: u64, offset: usize) -> u64 {
    ARM64 | size | KVM_REG_ARM_CORE as u64 | (offset / size_of::<__u32>()) as u64
}

/// The id of a system register, by the fields of its MRS instruction.
pub const fn kvm_arm64_sys_reg(op0: u64, op1: u64, crn: u64, crm: u64, op2: u64) -> u64 {
    const fn field(value: u64, shift: u64, mask: u64) -> u64 {
        (value << shift) & mask
    }
    ARM64
        | KVM_REG_SIZE_U64
        | KVM_REG_ARM64_SYSREG as u64
        | field(
            op0,
            KVM_REG_ARM64_SYSREG_OP0_SHIFT as u64,
            KVM_REG_ARM64_SYSREG_OP0_MASK as u64,
        )
        | field(
            op1,
            KVM_REG_ARM64_SYSREG_OP1_SHIFT as u64,
            KVM_REG_ARM64_SYSREG_OP1_MASK as u64,
        )
        | field(
            crn,
            KVM_REG_ARM64_SYSREG_CRN_SHIFT as u64,
            KVM_REG_ARM64_SYSREG_CRN_MASK as u64,
        )
        | field(
            crm,
            KVM_REG_ARM64_SYSREG_CRM_SHIFT as u64,
            KVM_REG_ARM64_SYSREG_CRM_MASK as u64,
        )
        | field(
            op2,
            KVM_REG_ARM64_SYSREG_OP2_SHIFT as u64,
            KVM_REG_ARM64_SYSREG_OP2_MASK as u64,
        )
}

const fn sve(base: u32, size: u64, register: u64, slice: u64) -> u64 {
    ARM64 | KVM_REG_ARM64_SVE as u64 | base as u64 | size | register << 5 | (slice & 31)
}

/// The id of 2048 bits, the `slice`th, of the vector register `Z0` to `Z31`.
pub const fn kvm_arm64_sve_zreg(register: u64, slice: u64) -> u64 {
    sve(
        KVM_REG_ARM64_SVE_ZREG_BASE,
        KVM_REG_SIZE_U2048,
        register & 31,
        slice,
    )
}

/// The id of 256 bits, the `slice`th, of the predicate register `P0` to `P15`.
pub const fn kvm_arm64_sve_preg(register: u64, slice: u64) -> u64 {
    sve(
        KVM_REG_ARM64_SVE_PREG_BASE,
        KVM_REG_SIZE_U256,
        register & 15,
        slice,
    )
}

/// The id of 256 bits, the `slice`th, of the first-fault register.
pub const fn kvm_arm64_sve_ffr(slice: u64) -> u64 {
    sve(KVM_REG_ARM64_SVE_FFR_BASE, KVM_REG_SIZE_U256, 0, slice)
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;

    #[test]
    fn core_ids_are_those_of_the_kernels_documentation() {
        let x0 = kvm_arm64_core_reg(KVM_REG_SIZE_U64, offset_of!(kvm_regs, regs.regs));
        let pc = kvm_arm64_core_reg(KVM_REG_SIZE_U64, offset_of!(kvm_regs, regs.pc));
        let fpsr = kvm_arm64_core_reg(KVM_REG_SIZE_U32, offset_of!(kvm_regs, fp_regs.fpsr));

        assert_eq!(x0, 0x6030_0000_0010_0000);
        assert_eq!(pc, 0x6030_0000_0010_0040);
        assert_eq!(fpsr, 0x6020_0000_0010_00d4);
    }

    #[test]
    fn system_ids_are_those_of_known_registers() {
        // MPIDR_EL1 and the virtual counter's compare value
        assert_eq!(kvm_arm64_sys_reg(3, 0, 0, 0, 5), 0x6030_0000_0013_c005);
        assert_eq!(kvm_arm64_sys_reg(3, 3, 14, 0, 2), 0x6030_0000_0013_df02);
    }

    #[test]
    fn sve_ids_are_those_of_the_kernels_documentation() {
        assert_eq!(kvm_arm64_sve_zreg(1, 2), 0x6080_0000_0015_0022);
        assert_eq!(kvm_arm64_sve_preg(1, 2), 0x6050_0000_0015_0422);
        assert_eq!(kvm_arm64_sve_ffr(2), 0x6050_0000_0015_0602);
    }
}
