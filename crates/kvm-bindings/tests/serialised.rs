// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! State as blobs: of this version, of the published 0.14.2 (`tests/golden`), shorter and longer.

#![cfg(feature = "serde")]

use kvm_bindings::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What the golden blobs were made of: see `tests/golden/README.md`.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 7 + 3) as u8).collect()
}

fn json(bytes: &[u8]) -> String {
    serde_json::to_string(bytes).unwrap()
}

fn bincode(bytes: &[u8]) -> Vec<u8> {
    bincode::serde::encode_to_vec(Bytes(bytes), bincode::config::standard()).unwrap()
}

fn postcard(bytes: &[u8]) -> Vec<u8> {
    postcard::to_allocvec(&Bytes(bytes)).unwrap()
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

fn from_bincode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    bincode::serde::decode_from_slice(bytes, bincode::config::standard())
        .map(|(value, _)| value)
        .map_err(|error| error.to_string())
}

/// The bytes in a value's blob, without their number in front.
fn written<T: Serialize>(value: &T) -> Vec<u8> {
    let mut blob = bincode::serde::encode_to_vec(value, bincode::config::standard()).unwrap();
    blob.split_off(blob.len() - size_of::<T>())
}

/// Reads `bytes` in each format, checks that all agree, and gives back what is written then.
fn through<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<Vec<u8>, String> {
    // Miri takes a minute for each kilobyte of JSON.
    if cfg!(miri) && bytes.len() > 64 {
        return Ok(written(&from_bincode::<T>(&bincode(bytes))?));
    }
    let values = [
        serde_json::from_str(&json(bytes)).map_err(|error| error.to_string())?,
        from_bincode(&bincode(bytes))?,
        postcard::from_bytes(&postcard(bytes)).map_err(|error| error.to_string())?,
    ];
    let mut written = Vec::new();
    for value in values {
        let value: T = value;
        let bytes: Vec<u8> = serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap();
        assert_eq!(
            bincode::serde::encode_to_vec(&value, bincode::config::standard()).unwrap(),
            bincode(&bytes)
        );
        assert_eq!(postcard::to_allocvec(&value).unwrap(), postcard(&bytes));
        written.push(bytes);
    }
    assert_eq!(written[0], written[1]);
    assert_eq!(written[0], written[2]);
    Ok(written.swap_remove(0))
}

/// The same bytes come back, a shorter blob is filled up with zeroes, and a longer one is taken
/// only if nothing is lost.
fn travels<T: Serialize + DeserializeOwned>(name: &str, state: &[u8]) {
    let size = size_of::<T>();
    assert_eq!(state.len(), size, "{name}");
    assert_eq!(through::<T>(state).unwrap(), state, "{name}");

    let mut longer = state.to_vec();
    longer.extend([0; 9]);
    assert_eq!(through::<T>(&longer).unwrap(), state, "{name}");

    longer[size + 8] = 1;
    if cfg!(miri) && size > 64 {
        assert!(from_bincode::<T>(&bincode(&longer)).is_err(), "{name}");
        return;
    }
    let json = serde_json::from_str::<T>(&json(&longer)).err().unwrap();
    let bincode = from_bincode::<T>(&bincode(&longer)).err().unwrap();
    assert!(json.to_string().contains(name), "{json}");
    assert!(bincode.contains(name), "{bincode}");
    assert!(
        postcard::from_bytes::<T>(&postcard(&longer)).is_err(),
        "{name}"
    );

    let mut shorter = vec![0; size];
    let kept = size - 1;
    shorter[..kept].copy_from_slice(&state[..kept]);
    assert_eq!(through::<T>(&state[..kept]).unwrap(), shorter, "{name}");
}

/// Blobs of the published crate, by type: name, then what it wrote with bincode.
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]
fn golden(name: &str) -> Vec<u8> {
    let text = match () {
        #[cfg(target_arch = "x86_64")]
        () => include_str!("golden/x86_64.txt"),
        #[cfg(target_arch = "aarch64")]
        () => include_str!("golden/arm64.txt"),
        #[cfg(target_arch = "riscv64")]
        () => include_str!("golden/riscv64.txt"),
    };
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no golden blob of {name}"));
    let digits = line.as_bytes();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// A bincode blob that the published crate wrote reads as the bytes it was made of.
fn is_compatible<T: Serialize + DeserializeOwned>(name: &str, state: &[u8]) {
    if cfg!(miri) {
        return; // The values are those of the other tests; the text is what takes long.
    }
    let blob = golden(name);
    let value: T = from_bincode(&blob).unwrap();
    let bytes: Vec<u8> = serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap();
    // What was appended to a type since then reads as zero.
    let mut expected = vec![0; size_of::<T>()];
    let old: Vec<u8> = from_bincode(&blob).unwrap();
    expected[..old.len()].copy_from_slice(&old);
    assert_eq!(bytes, expected, "{name}");
    assert_eq!(&state[..old.len()], old, "{name}: made of the pattern");
}

macro_rules! plain_types {
    ($($type:ident),* $(,)?) => {$(
        #[test]
        fn $type() {
            let state = pattern(size_of::<kvm_bindings::$type>());
            travels::<kvm_bindings::$type>(stringify!($type), &state);
            is_compatible::<kvm_bindings::$type>(stringify!($type), &state);
        }
    )*};
}

mod everywhere {
    use super::*;

    plain_types!(kvm_mp_state, kvm_irq_routing);
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::*;

    plain_types!(
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
    plain_types!(kvm_xsave2);

    fn irqchip(chip: u32, used: usize) -> Vec<u8> {
        let mut state = pattern(size_of::<kvm_irqchip>());
        state[..4].copy_from_slice(&chip.to_ne_bytes());
        state[8 + used..].fill(0);
        state
    }

    #[test]
    fn each_irqchip_travels_with_the_bytes_of_its_variant() {
        let pic = irqchip(KVM_IRQCHIP_PIC_SLAVE, size_of::<kvm_pic_state>());
        let ioapic = irqchip(KVM_IRQCHIP_IOAPIC, size_of::<kvm_ioapic_state>());
        travels::<kvm_irqchip>("kvm_irqchip", &pic);
        travels::<kvm_irqchip>("kvm_irqchip", &ioapic);
        is_compatible::<kvm_irqchip>("kvm_irqchip", &ioapic);
    }

    #[test]
    fn an_irqchip_that_was_never_written_whole_is_zero_elsewhere() {
        let state = kvm_irqchip {
            chip_id: KVM_IRQCHIP_PIC_MASTER,
            pad: 0,
            chip: kvm_irqchip__bindgen_ty_1 {
                pic: kvm_pic_state {
                    imr: 5,
                    ..Default::default()
                },
            },
        };

        let bytes = written(&state);

        assert_eq!(bytes[8..][..3], [0, 0, 5]);
        assert_eq!(bytes.iter().filter(|&&byte| byte != 0).count(), 1);
    }

    #[test]
    fn an_unknown_irqchip_is_refused_with_its_tag() {
        let state = kvm_irqchip {
            chip_id: 77,
            ..Default::default()
        };

        let error = serde_json::to_string(&state).unwrap_err().to_string();

        assert!(error.contains("kvm_irqchip: chip_id is 77"), "{error}");
    }

    fn nested(format: u32, header: usize, data: usize) -> Vec<u8> {
        let mut state = pattern(size_of::<nested::KvmNestedStateBuffer>());
        state[2..4].copy_from_slice(&(format as u16).to_ne_bytes());
        state[8 + header..128].fill(0);
        state[128 + data..].fill(0);
        state
    }

    #[test]
    fn nested_state_of_both_kinds_travels() {
        let name = "KvmNestedStateBuffer";
        let vmx = nested(
            KVM_STATE_NESTED_FORMAT_VMX,
            size_of::<kvm_vmx_nested_state_hdr>(),
            8192,
        );
        let svm = nested(
            KVM_STATE_NESTED_FORMAT_SVM,
            size_of::<kvm_svm_nested_state_hdr>(),
            4096,
        );
        travels::<nested::KvmNestedStateBuffer>(name, &vmx);
        travels_but_for_the_end::<nested::KvmNestedStateBuffer>(&svm);
        is_compatible::<nested::KvmNestedStateBuffer>(name, &vmx);
    }

    fn travels_but_for_the_end<T: Serialize + DeserializeOwned>(state: &[u8]) {
        assert_eq!(through::<T>(state).unwrap(), state);
    }

    #[test]
    fn nested_state_with_a_short_variant_is_zero_behind_it() {
        let mut state = nested::KvmNestedStateBuffer::empty();
        state.format = KVM_STATE_NESTED_FORMAT_SVM as u16;
        state.hdr.svm = kvm_svm_nested_state_hdr {
            vmcb_pa: 0x55,
            ..Default::default()
        };
        state.data = nested::kvm_nested_state__data {
            svm: nested::kvm_svm_nested_state_data { vmcb12: [9; 4096] },
        };

        let bytes = written(&state);

        assert_eq!(bytes[8], 0x55);
        assert!(bytes[128..128 + 4096].iter().all(|&byte| byte == 9));
        assert!(bytes[128 + 4096..].iter().all(|&byte| byte == 0));
    }
}

#[cfg(target_arch = "aarch64")]
mod arm64 {
    use super::*;

    plain_types!(
        kvm_one_reg,
        kvm_regs,
        kvm_vcpu_init,
        user_fpsimd_state,
        user_pt_regs
    );
}

#[cfg(target_arch = "riscv64")]
mod riscv64 {
    use super::*;

    plain_types!(
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
}

fn route(kind: u32, used: usize) -> Vec<u8> {
    let mut state = pattern(size_of::<kvm_irq_routing_entry>());
    state[4..8].copy_from_slice(&kind.to_ne_bytes());
    state[16 + used..].fill(0);
    state
}

#[test]
fn each_interrupt_route_travels_with_the_bytes_of_its_variant() {
    for (kind, used) in [
        (0, 8),
        (KVM_IRQ_ROUTING_IRQCHIP, 8),
        (KVM_IRQ_ROUTING_MSI, 16),
        (KVM_IRQ_ROUTING_S390_ADAPTER, 32),
        (KVM_IRQ_ROUTING_HV_SINT, 8),
        (KVM_IRQ_ROUTING_XEN_EVTCHN, 12),
    ] {
        let state = route(kind, used);
        assert_eq!(
            through::<kvm_irq_routing_entry>(&state).unwrap(),
            state,
            "{kind}"
        );
    }
    let whole = route(KVM_IRQ_ROUTING_S390_ADAPTER, 32);
    travels::<kvm_irq_routing_entry>("kvm_irq_routing_entry", &whole);
    is_compatible::<kvm_irq_routing_entry>(
        "kvm_irq_routing_entry",
        &route(KVM_IRQ_ROUTING_MSI, 16),
    );
}

#[test]
fn a_route_that_was_never_written_whole_is_zero_elsewhere() {
    let entry = kvm_irq_routing_entry {
        gsi: 5,
        type_: KVM_IRQ_ROUTING_MSI,
        flags: 0,
        pad: 0,
        u: kvm_irq_routing_entry__bindgen_ty_1 {
            msi: kvm_irq_routing_msi {
                address_lo: 1,
                address_hi: 2,
                data: 3,
                __bindgen_anon_1: kvm_irq_routing_msi__bindgen_ty_1 { devid: 4 },
            },
        },
    };

    let bytes = written(&entry);

    let words: Vec<_> = bytes.chunks(4).map(|word| word[0]).collect();
    assert_eq!(words, [5, 2, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0]);
}

/// Under Miri, this would be what it finds: a value that was never written.
#[test]
#[cfg(not(miri))]
fn a_route_whose_tag_is_wrong_has_some_value_in_each_byte() {
    let entry = kvm_irq_routing_entry {
        type_: KVM_IRQ_ROUTING_MSI,
        u: kvm_irq_routing_entry__bindgen_ty_1 {
            irqchip: kvm_irq_routing_irqchip { irqchip: 1, pin: 2 },
        },
        ..Default::default()
    };

    let bytes = written(&entry);

    assert_eq!(bytes[16..24], [1, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(bytes[32..], [0; 16]);
}

#[test]
fn an_unknown_route_is_refused_with_its_tag() {
    let entry = kvm_irq_routing_entry {
        type_: 99,
        ..Default::default()
    };

    let error = serde_json::to_string(&entry).unwrap_err().to_string();

    assert!(
        error.contains("kvm_irq_routing_entry: type_ is 99"),
        "{error}"
    );
}

/// Programs that turn on `with-serde` of vmm-sys-util store whole wrappers.
#[cfg(feature = "fam-wrappers")]
mod wrappers {
    use super::*;

    #[test]
    fn a_wrapper_travels_with_its_entries() {
        let mut routes = KvmIrqRouting::new(2).unwrap();
        routes.as_mut_slice()[1].gsi = 7;

        let json = serde_json::to_string(&routes).unwrap();
        let blob = bincode::serde::encode_to_vec(&routes, bincode::config::standard()).unwrap();

        for read in [
            serde_json::from_str::<KvmIrqRouting>(&json).unwrap(),
            from_bincode::<KvmIrqRouting>(&blob).unwrap(),
        ] {
            assert_eq!(read.as_fam_struct_ref().nr, 2);
            assert_eq!(read.as_slice()[1].gsi, 7);
        }
    }

    #[test]
    fn a_wrapper_with_too_many_entries_is_an_error() {
        let number = KVM_MAX_IRQ_ROUTES + 1;
        let mut header = (number as u32).to_ne_bytes().to_vec();
        header.extend([0; 4]);
        let entries: &[[u8; 0]] = &vec![[]; number];

        let text = serde_json::to_string(&(header, entries)).unwrap();

        let error = serde_json::from_str::<KvmIrqRouting>(&text).err().unwrap();
        assert!(error.to_string().contains("SizeLimitExceeded"), "{error}");
    }

    #[test]
    fn a_wrapper_whose_header_promises_more_entries_is_an_error() {
        let text = "[[9,0,0,0,0,0,0,0],[[]]]";

        assert!(serde_json::from_str::<KvmIrqRouting>(text).is_err());
    }
}

#[test]
fn an_empty_blob_is_all_zero() {
    assert_eq!(through::<kvm_mp_state>(&[]).unwrap(), [0; 4]);
}
