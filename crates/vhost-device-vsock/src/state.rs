// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What travels with a guest: its context id. Connections do not, and the guest is told so.

use virtio_device::StateError;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

const VERSION: u32 = 1;

/// Version 1.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct StateV1 {
    version: U32,
    /// Zero.
    reserved: U32,
    guest_cid: U64,
}

pub(crate) fn save(guest_cid: u64) -> Vec<u8> {
    let state = StateV1 {
        version: VERSION.into(),
        reserved: 0.into(),
        guest_cid: guest_cid.into(),
    };
    state.as_bytes().to_vec()
}

pub(crate) fn load(bytes: &[u8]) -> Result<u64, StateError> {
    let (version, _) =
        U32::read_from_prefix(bytes).map_err(|_| StateError::Damaged("it has no version"))?;
    if version.get() != VERSION {
        return Err(StateError::Version {
            found: version.get(),
            known: VERSION,
        });
    }
    let state = StateV1::read_from_bytes(bytes)
        .map_err(|_| StateError::Damaged("its length is not that of version 1"))?;
    if state.reserved.get() != 0 {
        return Err(StateError::Damaged("a reserved field is not zero"));
    }
    Ok(state.guest_cid.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_id_comes_back() {
        assert_eq!(load(&save(77)).unwrap(), 77);
    }

    #[test]
    fn an_unknown_version_is_refused_by_name() {
        let mut state = save(3);
        state[0] = 9;

        assert_eq!(
            load(&state).unwrap_err().to_string(),
            "the state has version 9, this device reads up to version 1"
        );
    }

    #[test]
    fn a_cut_or_long_state_is_refused() {
        let state = save(3);

        assert!(load(&state[..state.len() - 1]).is_err());
        assert!(load(&[state.as_slice(), &[0]].concat()).is_err());
        assert!(load(&[]).is_err());
    }
}
