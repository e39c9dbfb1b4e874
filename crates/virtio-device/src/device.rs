// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a device author implements.

use std::io;
use std::sync::Arc;

use crate::chain::Chain;
use crate::queue::Queues;
use crate::sources::{Sources, Token};

/// Which device this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name as in log lines and thread names, for example `rng`.
    pub name: &'static str,
    /// Device id (VIRTIO 1.3, section 5).
    pub device_id: u32,
}

/// One virtqueue of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSpec {
    /// The largest size that a driver may choose: a power of two, at least 256, because some
    /// frontends choose 256 without asking.
    pub max_size: u16,
    /// Which worker serves it. Workers are numbered from zero, without a gap.
    pub worker: usize,
}

/// Why a driver's write to the configuration space was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The device has no field there that a driver may write.
    #[error("{len} bytes at offset {offset} of the configuration space are read-only")]
    ReadOnly {
        /// Offset in bytes.
        offset: u32,
        /// Length in bytes.
        len: usize,
    },
    /// The field does not take this value.
    #[error("the configuration field at offset {offset} does not take this value")]
    Value {
        /// Offset in bytes.
        offset: u32,
    },
}

/// Why state cannot be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The device has no state that travels.
    #[error("this device does not support state transfer")]
    Unsupported,
    /// The state was written by a version that this one does not know.
    #[error("the state has version {found}, this device reads up to version {known}")]
    Version {
        /// Version in the state.
        found: u32,
        /// Newest version that this device reads.
        known: u32,
    },
    /// The state is not what this device writes.
    #[error("the state is damaged: {0}")]
    Damaged(&'static str),
}

/// The way from a device to whoever serves it. Calls never wait, from whichever thread.
pub trait Channel: Send + Sync {
    /// The configuration space changed by itself: the driver gets a configuration change
    /// notification (VIRTIO 1.3, section 2.3).
    fn config_changed(&self);
}

/// A virtio device, of which one instance serves one guest for as long as the daemon runs: guests
/// come and go, the device stays.
///
/// What a worker owns is not here, so nothing but the worker locks on the way of a request. The
/// methods here are called on the transport's thread, one at a time, except for `save` and `load`, and
/// for `worker`, which a worker's own thread calls when it has to be made anew. Workers may be busy meanwhile, unless a
/// method says that queues are stopped.
pub trait Device: Send + Sync + 'static {
    /// What one thread owns.
    type Worker: Worker;

    /// Name and id.
    fn identity(&self) -> Identity;

    /// Device feature bits (0 to 23, and from 50 on); those of the ring and the transport are
    /// added by whoever serves the device.
    fn features(&self) -> u64 {
        0
    }

    /// The queues, in order.
    fn queues(&self) -> &[QueueSpec];

    /// The whole configuration space. Whoever serves the device slices it and checks bounds.
    fn config(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The driver writes to the configuration space; offset and length lie within it. The driver is
    /// not told of an error, for want of a way; it is logged.
    fn write_config(&self, offset: u32, data: &[u8]) -> Result<(), ConfigError> {
        Err(ConfigError::ReadOnly {
            offset,
            len: data.len(),
        })
    }

    /// Whether the device has a use for [`Device::attach`].
    fn wants_channel(&self) -> bool {
        false
    }

    /// Whoever serves the device can be told of changes by this; `None`: no longer. Not every
    /// frontend has such a way, so that this may never be called.
    fn attach(&self, channel: Option<Arc<dyn Channel>>) {
        let _ = channel;
    }

    /// Makes worker `index`; called before its thread starts, and again if its code panicked.
    fn worker(&self, index: usize) -> io::Result<Self::Worker>;

    /// Whether [`Device::save`] and [`Device::load`] work.
    fn has_state(&self) -> bool {
        false
    }

    /// What a successor must know, besides the rings. All queues are stopped while this runs, on a
    /// thread of its own.
    fn save(&self) -> Result<Vec<u8>, StateError> {
        Err(StateError::Unsupported)
    }

    /// Takes over what a predecessor saved, which is to be read as if it were hostile. Called as
    /// [`Device::save`] is.
    fn load(&self, state: &[u8]) -> Result<(), StateError> {
        let _ = state;
        Err(StateError::Unsupported)
    }

    /// The driver or the frontend reset the device, or the frontend is gone. All queues are
    /// stopped.
    fn reset(&self) {}
}

/// All that one thread owns. Nothing here can fail because of the guest.
pub trait Worker: Send + 'static {
    /// The driver accepted these features (of the device, the ring and the transport): before a
    /// queue is started, and again, with the same device features, while they run, when the
    /// transport's own features change.
    fn negotiated(&mut self, features: u64) {
        let _ = features;
    }

    /// Host file descriptors to watch; called once, before anything else.
    fn sources(&mut self, sources: &mut Sources) -> io::Result<()> {
        let _ = sources;
        Ok(())
    }

    /// The driver notified, or the queue was started or enabled, or goes on after a change of the
    /// memory: there may be something to take. A worker that takes some and leaves the rest has
    /// enough for now, and is not told of more before it found the ring empty.
    fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>);

    /// A watched file descriptor is ready. Queues that are disabled are not to be had.
    fn ready(&mut self, token: Token, queues: &mut Queues<'_>) {
        let _ = (token, queues);
    }

    /// All descriptors that were found ready at once were told: what they brought can be handled
    /// together, with one notification of the driver.
    fn settled(&mut self, queues: &mut Queues<'_>) {
        let _ = queues;
    }

    /// The driver enabled or disabled a queue.
    fn enabled(&mut self, queue: u16, on: bool) {
        let _ = (queue, on);
    }

    /// Returns only once no request of `queue` can touch guest memory. Waits for I/O that the
    /// kernel already has; what waits for an event (an edge, a key, a quota) is completed in-band
    /// or put back, so that no descriptor is lost. Requests that other threads hold are waited
    /// for after this returns.
    fn quiesce(&mut self, queue: u16, queues: &mut Queues<'_>) {
        let _ = (queue, queues);
    }
}

/// Devices that answer requests one by one, in order, implement this alone. All queues of the worker
/// come here alike; where it matters which one it was, implement [`Worker`].
pub trait Requests: Send + 'static {
    /// Answers one request. It is completed when this returns.
    fn handle(&mut self, request: &mut Chain);
}

impl<T: Requests> Worker for T {
    fn kicked(&mut self, queue: u16, queues: &mut Queues<'_>) {
        if let Some(queue) = queues.get(queue) {
            while let Some(mut request) = queue.pop() {
                self.handle(&mut request);
                queue.complete(request);
            }
        }
    }
}
