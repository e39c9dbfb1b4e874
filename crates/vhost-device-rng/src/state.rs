// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What travels with a guest: how much of the quota it has used. Requests that wait are still in
//! the ring, so the ring's indices carry them.

use std::time::Duration;

use virtio_device::StateError;
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::quota::Share;

const VERSION: u32 = 1;

/// Version 1.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct StateV1 {
    version: U32,
    /// Nonzero: the fields below mean something.
    limited: U32,
    /// Bytes used in the current period.
    used: U64,
    /// What is left of the period.
    left_ms: U64,
}

pub(crate) fn save(share: Option<&Share>) -> Vec<u8> {
    let (used, left) = share.map(Share::progress).unwrap_or_default();
    let state = StateV1 {
        version: VERSION.into(),
        limited: u32::from(share.is_some()).into(),
        used: used.into(),
        left_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX).into(),
    };
    state.as_bytes().to_vec()
}

pub(crate) fn load(bytes: &[u8], share: Option<&Share>) -> Result<(), StateError> {
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
    // A successor without a quota has nothing to keep to, and a predecessor without one nothing
    // to tell.
    if let Some(share) = share
        && state.limited.get() != 0
    {
        share.resume(state.used.get(), Duration::from_millis(state.left_ms.get()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quota;
    use crate::quota::Grant;

    fn share() -> Share {
        Quota::new(1000, Duration::from_secs(60)).share()
    }

    #[test]
    fn a_used_up_quota_stays_used_up_after_a_move() {
        let (old, new) = (share(), share());
        old.take(1000);

        load(&save(Some(&old)), Some(&new)).unwrap();

        assert!(matches!(new.take(1), Grant::Wait(_)));
    }

    #[test]
    fn a_state_without_quota_leaves_the_successors_whole() {
        let new = share();

        load(&save(None), Some(&new)).unwrap();

        assert_eq!(new.take(1000), Grant::Bytes(1000));
    }

    #[test]
    fn an_unknown_version_is_refused_by_name() {
        let mut state = save(None);
        state[0] = 9;

        let error = load(&state, None).unwrap_err();

        assert_eq!(
            error.to_string(),
            "the state has version 9, this device reads up to version 1"
        );
    }

    #[test]
    fn a_cut_state_is_refused() {
        let state = save(None);

        assert!(load(&state[..state.len() - 1], None).is_err());
        assert!(load(&[], None).is_err());
    }

    #[test]
    fn hostile_numbers_are_capped() {
        let new = share();
        let state = StateV1 {
            version: VERSION.into(),
            limited: 1.into(),
            used: u64::MAX.into(),
            left_ms: u64::MAX.into(),
        };

        load(state.as_bytes(), Some(&new)).unwrap();

        assert!(matches!(new.take(1), Grant::Wait(left) if left <= Duration::from_secs(60)));
    }
}
