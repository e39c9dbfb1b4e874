// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Structures that end in an array of any length, as vectors.

use vmm_sys_util::fam::{FamStruct, FamStructWrapper};

use super::bindings::*;
use crate::fam::{flexible, on_every_architecture};

/// The most CPUID leaves that KVM reports.
pub const KVM_MAX_CPUID_ENTRIES: usize = 256;

/// The most model-specific registers that KVM takes at once.
pub const KVM_MAX_MSR_ENTRIES: usize = 256;

flexible!(kvm_cpuid2 { nent: u32, entries: [kvm_cpuid_entry2] } at most KVM_MAX_CPUID_ENTRIES, also padding);
flexible!(kvm_msrs { nmsrs: u32, entries: [kvm_msr_entry] } at most KVM_MAX_MSR_ENTRIES, also pad);
flexible!(kvm_msr_list { nmsrs: u32, indices: [u32] } at most KVM_MAX_MSR_ENTRIES);

/// CPUID leaves.
pub type CpuId = FamStructWrapper<kvm_cpuid2>;

/// Model-specific registers with their values.
pub type Msrs = FamStructWrapper<kvm_msrs>;

/// Numbers of model-specific registers.
pub type MsrList = FamStructWrapper<kvm_msr_list>;

// An arbitrary limit: so far KVM lists a handful of registers here.
on_every_architecture!(500);

/// A [`kvm_xsave`] that knows how long it is.
///
/// Since Linux 5.17 that structure ends in an array, without saying how long it is: only
/// `KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2)` tells.
#[repr(C)]
#[derive(Debug, Default)]
#[cfg_attr(
    feature = "serde",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable)
)]
pub struct kvm_xsave2 {
    /// Length of the array in four-byte units: what the capability tells, less the size of
    /// [`kvm_xsave`], divided by four and rounded up.
    pub len: usize,
    /// What KVM reads and writes.
    pub xsave: kvm_xsave,
}

impl From<kvm_xsave> for kvm_xsave2 {
    fn from(xsave: kvm_xsave) -> Self {
        Self { len: 0, xsave }
    }
}

// SAFETY: plain old data that ends in an array of `Entry`, whose length `len` is.
unsafe impl FamStruct for kvm_xsave2 {
    type Entry = __u32;

    fn len(&self) -> usize {
        self.len
    }

    unsafe fn set_len(&mut self, len: usize) {
        self.len = len;
    }

    fn max_len() -> usize {
        __u32::MAX as usize
    }

    fn as_slice(&self) -> &[__u32] {
        // SAFETY: who set the length vouched for it.
        unsafe { self.xsave.extra.as_slice(self.len) }
    }

    fn as_mut_slice(&mut self) -> &mut [__u32] {
        // SAFETY: who set the length vouched for it.
        unsafe { self.xsave.extra.as_mut_slice(self.len) }
    }
}

/// The state that XSAVE knows, of the length that the host's KVM has.
pub type Xsave = FamStructWrapper<kvm_xsave2>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_hold_as_many_entries_as_kvm_has() {
        assert_eq!(CpuId::new(256).unwrap().as_slice().len(), 256);
        assert_eq!(Msrs::new(256).unwrap().as_slice().len(), 256);
        assert_eq!(MsrList::new(256).unwrap().as_slice().len(), 256);
    }

    #[test]
    fn one_entry_too_many_is_an_error() {
        assert!(CpuId::from_entries(&[kvm_cpuid_entry2::default(); 257]).is_err());
        assert!(Msrs::from_entries(&[kvm_msr_entry::default(); 257]).is_err());
        assert!(MsrList::from_entries(&[0; 257]).is_err());
        assert!(Xsave::new(__u32::MAX as usize + 1).is_err());
    }

    #[test]
    fn an_xsave_has_the_length_that_was_asked_for_behind_its_header() {
        let mut xsave = Xsave::new(3).unwrap();

        xsave.as_mut_slice()[2] = 7;

        assert_eq!(xsave.as_fam_struct_ref().len, 3);
        assert_eq!(xsave.as_slice(), [0, 0, 7]);
    }
}
