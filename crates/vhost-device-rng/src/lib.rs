// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Entropy device (VIRTIO 1.3, section 5.4).
//!
//! | queue | direction | served by |
//! |---|---|---|
//! | 0 requestq | device writes | worker 0 |
//!
//! Features: none of its own. Configuration space: none. Not supported: leak queues
//! (VIRTIO_RNG_F_LEAK is not in the specification yet).
//!
//! The byte quota (`--max-bytes` in `--period`) leaves a request in the ring instead of sleeping:
//! the driver's next reset must not wait for it. A timer takes it up again.
#![forbid(unsafe_code)]

mod options;
mod quota;
mod source;
mod state;
mod worker;

use std::io;
use std::sync::Arc;

use virtio_device::{Device, Identity, QueueSpec, StateError};

pub use options::Options;
pub use quota::{Quota, Share};
pub use source::{Source, SourceError};
pub use worker::RngWorker;

/// VIRTIO 1.3, section 5: device ids.
pub const DEVICE_ID: u32 = 4;

const QUEUES: [QueueSpec; 1] = [QueueSpec {
    max_size: 1024,
    worker: 0,
}];

/// The entropy device of one guest.
#[derive(Debug)]
pub struct Rng {
    source: Source,
    share: Option<Arc<Share>>,
}

impl Rng {
    /// A device that answers from `source`, as fast as it gets.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            share: None,
        }
    }

    /// A device that takes no more from `source` than its share of a quota allows.
    pub fn with_quota(source: Source, quota: &Arc<Quota>) -> Self {
        Self {
            source,
            share: Some(Arc::new(quota.share())),
        }
    }
}

impl Device for Rng {
    type Worker = RngWorker;

    fn identity(&self) -> Identity {
        Identity {
            name: "rng",
            device_id: DEVICE_ID,
        }
    }

    fn queues(&self) -> &[QueueSpec] {
        &QUEUES
    }

    fn worker(&self, _index: usize) -> io::Result<RngWorker> {
        RngWorker::new(&self.source, self.share.clone())
    }

    fn has_state(&self) -> bool {
        true
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        Ok(state::save(self.share.as_deref()))
    }

    fn load(&self, state: &[u8]) -> Result<(), StateError> {
        state::load(state, self.share.as_deref())
    }
}
