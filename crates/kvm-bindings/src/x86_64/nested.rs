// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Nested state, in a buffer that is large enough for both vendors' kinds.

use core::mem;

use super::bindings::{
    KVM_STATE_NESTED_SVM_VMCB_SIZE, KVM_STATE_NESTED_VMX_VMCS_SIZE, kvm_nested_state__bindgen_ty_1,
};

/// The data behind the header. What the kernel's headers declare has no length here.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "serde", derive(zerocopy::FromBytes, zerocopy::Immutable))]
#[repr(C)]
pub union kvm_nested_state__data {
    /// Of a processor with VMX
    pub vmx: kvm_vmx_nested_state_data,
    /// Of a processor with SVM
    pub svm: kvm_svm_nested_state_data,
}

impl Default for kvm_nested_state__data {
    fn default() -> Self {
        // SAFETY: made of bytes, and all of them may be zero.
        unsafe { mem::zeroed() }
    }
}

/// Two control structures of a guest that is a host.
#[derive(Clone, Copy)]
#[cfg_attr(
    feature = "serde",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable)
)]
#[repr(C)]
pub struct kvm_vmx_nested_state_data {
    /// What the guest uses for its guest
    pub vmcs12: [u8; KVM_STATE_NESTED_VMX_VMCS_SIZE as usize],
    /// Its shadow
    pub shadow_vmcs12: [u8; KVM_STATE_NESTED_VMX_VMCS_SIZE as usize],
}

/// The control block of a guest that is a host.
#[derive(Clone, Copy)]
#[cfg_attr(
    feature = "serde",
    derive(zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable)
)]
#[repr(C)]
pub struct kvm_svm_nested_state_data {
    /// What the guest uses for its guest
    pub vmcb12: [u8; KVM_STATE_NESTED_SVM_VMCB_SIZE as usize],
}

/// Nested state of either kind: 8320 bytes, of which SVM uses 4224.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "serde", derive(zerocopy::FromBytes, zerocopy::Immutable))]
#[repr(C)]
#[non_exhaustive] // Only `empty` makes one, so that no byte of it is without a value at first.
pub struct KvmNestedStateBuffer {
    /// `KVM_STATE_NESTED_*`
    pub flags: u16,
    /// `KVM_STATE_NESTED_FORMAT_*`: which variant the unions hold
    pub format: u16,
    /// How much of the buffer KVM may use, or has used
    pub size: u32,
    /// Header of that kind
    pub hdr: kvm_nested_state__bindgen_ty_1,
    /// Data of that kind
    pub data: kvm_nested_state__data,
}

impl KvmNestedStateBuffer {
    /// A buffer that KVM may fill: its size is set, all else is zero.
    pub fn empty() -> Self {
        // SAFETY: made of integers, and all of them may be zero.
        let mut empty: Self = unsafe { mem::zeroed() };
        empty.size = size_of::<Self>() as u32;
        empty
    }
}

impl Default for KvmNestedStateBuffer {
    fn default() -> Self {
        Self::empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kvm_nested_state;

    #[test]
    fn the_buffer_begins_like_the_kernels_structure_and_is_longer() {
        assert_eq!(
            align_of::<KvmNestedStateBuffer>(),
            align_of::<kvm_nested_state>()
        );
        assert_eq!(
            mem::offset_of!(KvmNestedStateBuffer, data),
            size_of::<kvm_nested_state>()
        );
        assert_eq!(KvmNestedStateBuffer::empty().size, 8320);
    }
}
