// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What is generated: one entry for each crate, and in it one for each architecture. The chores that
//! fetch headers and compare with the published crate go by it as well.

/// A crate with generated bindings.
#[cfg_attr(not(feature = "generator"), allow(dead_code))]
pub(crate) struct Bindings {
    /// Its name, and that of its folder in `crates`.
    pub name: &'static str,
    /// The header that is translated.
    pub header: &'static str,
    /// Members declared by `__DECLARE_FLEX_ARRAY` that users know as plain arrays. Clang refuses
    /// members that are in neither list.
    pub flat: &'static [&'static str],
    /// Members that users know inside an anonymous structure.
    pub wrapped: &'static [&'static str],
    pub architectures: &'static [Architecture],
    /// Types that are serialised, on every architecture.
    pub state: &'static [&'static str],
}

/// One architecture of such a crate.
#[cfg_attr(not(feature = "generator"), allow(dead_code))]
pub(crate) struct Architecture {
    /// Its module in the crate.
    pub module: &'static str,
    /// Rust's target.
    pub rust: &'static str,
    /// Clang's target.
    pub clang: &'static str,
    /// The triple that names its folder of headers.
    pub triple: &'static str,
    /// What users have besides, by an older translation.
    pub extra: &'static str,
    /// Types that are serialised there.
    pub state: &'static [&'static str],
}

pub(crate) const BINDINGS: &[Bindings] = &[KVM];

pub(crate) const KVM: Bindings = Bindings {
    name: "kvm-bindings",
    header: "linux/kvm.h",
    flat: &[
        "coalesced_mmio",
        "entries",
        "events",
        "extra",
        "indices",
        "name",
        "reg",
        "sigset",
    ],
    wrapped: &["svm", "vmx"],
    architectures: &[
        Architecture {
            module: "x86_64",
            rust: "x86_64-unknown-linux-gnu",
            clang: "x86_64-unknown-linux-gnu",
            triple: "x86_64-linux-gnu",
            extra: "",
            state: &[
                "kvm_regs",
                "kvm_segment",
                "kvm_dtable",
                "kvm_sregs",
                "kvm_msr_entry",
                "kvm_cpuid_entry2",
                "kvm_pit_channel_state",
                "kvm_pit_state2",
                "kvm_vcpu_events",
                "kvm_debugregs",
                "kvm_xcr",
                "kvm_xcrs",
                "kvm_clock_data",
                "kvm_lapic_state",
                "kvm_msrs",
                "kvm_cpuid2",
                "kvm_xsave",
                "kvm_irqchip",
                "kvm_nested_state",
            ],
        },
        Architecture {
            module: "arm64",
            rust: "aarch64-unknown-linux-gnu",
            clang: "aarch64-unknown-linux-gnu",
            triple: "aarch64-linux-gnu",
            extra: "pub type __uint128_t = __u128;",
            state: &[
                "user_pt_regs",
                "user_fpsimd_state",
                "kvm_regs",
                "kvm_vcpu_init",
                "kvm_one_reg",
            ],
        },
        Architecture {
            module: "riscv64",
            rust: "riscv64gc-unknown-linux-gnu",
            clang: "riscv64-unknown-linux-gnu",
            triple: "riscv64-linux-gnu",
            extra: "",
            state: &[
                "kvm_one_reg",
                "kvm_riscv_config",
                "kvm_riscv_core",
                "user_regs_struct",
                "kvm_riscv_csr",
                "kvm_riscv_aia_csr",
                "kvm_riscv_smstateen_csr",
                "kvm_riscv_timer",
                "kvm_riscv_sbi_sta",
            ],
        },
    ],
    state: &["kvm_mp_state", "kvm_irq_routing", "kvm_irq_routing_entry"],
};
