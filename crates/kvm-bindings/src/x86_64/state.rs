// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a snapshot of a virtual machine holds.

use core::mem::offset_of;

use super::bindings::*;
#[cfg(feature = "fam-wrappers")]
use super::fam_wrappers::kvm_xsave2;
use super::nested::{KvmNestedStateBuffer, kvm_svm_nested_state_data, kvm_vmx_nested_state_data};
use crate::blob::{plain, routes, tagged};

plain!(
    kvm_clock_data,
    kvm_cpuid2,
    kvm_cpuid_entry2,
    kvm_debugregs,
    kvm_dtable,
    kvm_lapic_state,
    kvm_msr_entry,
    kvm_msrs,
    kvm_pit_channel_state,
    kvm_pit_state2,
    kvm_regs,
    kvm_segment,
    kvm_sregs,
    kvm_vcpu_events,
    kvm_xcr,
    kvm_xcrs,
    kvm_xsave,
);
#[cfg(feature = "fam-wrappers")]
plain!(kvm_xsave2);
routes!();

tagged!(kvm_irqchip, chip_id, |irqchip| {
    let length = match irqchip.chip_id {
        KVM_IRQCHIP_PIC_MASTER | KVM_IRQCHIP_PIC_SLAVE => size_of::<kvm_pic_state>(),
        KVM_IRQCHIP_IOAPIC => size_of::<kvm_ioapic_state>(),
        _ => return None,
    };
    let union_ = offset_of!(kvm_irqchip, chip);
    Some([0..union_, union_..union_ + length])
});

tagged!(KvmNestedStateBuffer, format, |state| {
    let (header, data) = match u32::from(state.format) {
        KVM_STATE_NESTED_FORMAT_VMX => (
            size_of::<kvm_vmx_nested_state_hdr>(),
            size_of::<kvm_vmx_nested_state_data>(),
        ),
        KVM_STATE_NESTED_FORMAT_SVM => (
            size_of::<kvm_svm_nested_state_hdr>(),
            size_of::<kvm_svm_nested_state_data>(),
        ),
        _ => return None,
    };
    let (hdr, start) = (
        offset_of!(KvmNestedStateBuffer, hdr),
        offset_of!(KvmNestedStateBuffer, data),
    );
    Some([0..hdr + header, start..start + data])
});
