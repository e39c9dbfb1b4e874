// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Structures that end in an array of any length: what all architectures have.

/// Gives `$header` the length of its array, and a comparison of all but the array, which the
/// wrapper compares itself.
macro_rules! flexible {
    ($header:ident { $length:ident: $number:ty, $array:ident: [$entry:ty] } at most $limit:expr $(, also $also:ident)*) => {
        vmm_sys_util::generate_fam_struct_impl!($header, $entry, $array, $number, $length, $limit);

        impl PartialEq for $header {
            fn eq(&self, other: &Self) -> bool {
                self.$length == other.$length $(&& self.$also == other.$also)*
            }
        }
    };
}

/// Interrupt routes and register lists, which every architecture has.
macro_rules! on_every_architecture {
    ($registers:expr) => {
        /// The most interrupt routes that KVM takes.
        pub const KVM_MAX_IRQ_ROUTES: usize = 4096;

        flexible!(kvm_irq_routing { nr: u32, entries: [kvm_irq_routing_entry] } at most KVM_MAX_IRQ_ROUTES, also flags);

        /// Interrupt routes, for `KVM_SET_GSI_ROUTING`.
        pub type KvmIrqRouting = vmm_sys_util::fam::FamStructWrapper<kvm_irq_routing>;

        flexible!(kvm_reg_list { n: u64, reg: [u64] } at most $registers);

        /// Register ids, from `KVM_GET_REG_LIST`. KVM itself knows no limit; see [`RegListUpTo`].
        pub type RegList = vmm_sys_util::fam::FamStructWrapper<kvm_reg_list>;

        /// A [`kvm_reg_list`] of at most `MAX` ids.
        #[repr(transparent)]
        #[derive(Debug, Default, PartialEq)]
        pub struct BoundedRegList<const MAX: usize>(kvm_reg_list);

        // SAFETY: it is a `kvm_reg_list` in memory, whose array and length these are.
        unsafe impl<const MAX: usize> vmm_sys_util::fam::FamStruct for BoundedRegList<MAX> {
            type Entry = u64;

            fn len(&self) -> usize {
                self.0.len()
            }

            unsafe fn set_len(&mut self, len: usize) {
                // SAFETY: the caller vouches for the length.
                unsafe { self.0.set_len(len) }
            }

            fn max_len() -> usize {
                MAX
            }

            fn as_slice(&self) -> &[u64] {
                self.0.as_slice()
            }

            fn as_mut_slice(&mut self) -> &mut [u64] {
                self.0.as_mut_slice()
            }
        }

        /// Register ids, at most as many as the caller says. A pointer to it is one to a
        /// [`kvm_reg_list`].
        pub type RegListUpTo<const MAX: usize> =
            vmm_sys_util::fam::FamStructWrapper<BoundedRegList<MAX>>;

        #[cfg(test)]
        mod shared_tests {
            use super::*;
            use vmm_sys_util::fam::Error;

            #[test]
            fn routes_are_kept_up_to_the_limit_of_kvm() {
                let routes = KvmIrqRouting::new(KVM_MAX_IRQ_ROUTES).unwrap();

                assert_eq!(routes.as_slice().len(), KVM_MAX_IRQ_ROUTES);
                assert_eq!(routes.as_fam_struct_ref().nr, 4096);
                assert!(matches!(
                    KvmIrqRouting::new(KVM_MAX_IRQ_ROUTES + 1),
                    Err(Error::SizeLimitExceeded)
                ));
            }

            #[test]
            fn register_lists_are_equal_if_their_ids_are() {
                let list = RegList::from_entries(&[1, 2]).unwrap();
                let mut other = list.clone();
                assert!(list == other);

                other.as_mut_slice()[1] = 3;

                assert!(list != other);
            }

            #[test]
            fn a_register_list_is_bounded_by_its_default_or_by_its_user() {
                assert!(RegList::new($registers).is_ok());
                assert!(RegList::new($registers + 1).is_err());
                assert_eq!(RegListUpTo::<5000>::new(5000).unwrap().as_slice().len(), 5000);
                assert!(RegListUpTo::<3>::from_entries(&[0; 4]).is_err());
            }
        }
    };
}

pub(crate) use {flexible, on_every_architecture};
