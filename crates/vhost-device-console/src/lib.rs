// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Console device (VIRTIO 1.3, section 5.3).
//!
//! | queue | direction | served by |
//! |---|---|---|
//! | 0 receiveq of port 0 | device writes | worker 0 |
//! | 1 transmitq of port 0 | device reads | worker 0 |
//! | 2 control receiveq | device writes | worker 0 |
//! | 3 control transmitq | device reads | worker 0 |
//! | 2 + 2n, 3 + 2n: receiveq, transmitq of port n | as for port 0 | worker 0 |
//!
//! Without multiport there are queues 0 and 1 alone.
//!
//! Features: VIRTIO_CONSOLE_F_SIZE (where the host's side has a size), VIRTIO_CONSOLE_F_MULTIPORT,
//! VIRTIO_CONSOLE_F_EMERG_WRITE. Not supported: nothing of the section; a change of the size is told by a
//! configuration change only where the frontend takes messages of the backend.
//!
//! Nothing is lost and nothing is buffered while somebody is at the other end of a port: what the one
//! side does not take stays with the other. While nobody is, the last bytes of output are kept.
#![forbid(unsafe_code)]

mod host;
mod link;
mod options;
mod port;
mod scrollback;
pub mod spec;
mod state;
mod terminal;
mod worker;

use std::io;
use std::sync::{Arc, Mutex};

use virtio_device::{Channel, ConfigError, Device, Identity, QueueSpec, StateError};
use zerocopy::IntoBytes;

pub use host::Host;
pub use options::{Backend, Options};
use port::Port;
pub use port::PortConfig;
use spec::{
    EMERG_WR, VIRTIO_CONSOLE_F_EMERG_WRITE, VIRTIO_CONSOLE_F_MULTIPORT, VIRTIO_CONSOLE_F_SIZE,
};
pub use worker::ConsoleWorker;
use worker::{State, lock};

/// VIRTIO 1.3, section 5: device ids.
pub const DEVICE_ID: u32 = 3;

/// The most ports of a device. vhost-user, whose messages have eight bits for the number of a queue,
/// reaches 127 of them; a monitor that uses the device as a library, all.
pub const MAX_PORTS: usize = 256;

/// The console device of one guest.
#[derive(Debug)]
pub struct Console {
    state: Arc<Mutex<State>>,
    queues: Vec<QueueSpec>,
    features: u64,
    ports: u32,
}

/// What all ports of a device have in common.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Size of the largest ring that a driver may set up: a power of two.
    pub queue_size: u16,
    /// Offers several ports, and what comes with them: names, open and closed ends.
    pub multiport: bool,
    /// Bytes of output that are kept for each port while nobody is attached.
    pub scrollback: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue_size: 1024,
            multiport: true,
            scrollback: 64 * 1024,
        }
    }
}

impl Console {
    /// A device with these ports: one to [`MAX_PORTS`], and only one without multiport.
    pub fn new(ports: Vec<PortConfig>, settings: Settings) -> io::Result<Self> {
        let limit = if settings.multiport { MAX_PORTS } else { 1 };
        if ports.is_empty() || ports.len() > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{} ports, where 1 to {limit} can be", ports.len()),
            ));
        }
        let mut features = VIRTIO_CONSOLE_F_EMERG_WRITE;
        if settings.multiport {
            features |= VIRTIO_CONSOLE_F_MULTIPORT;
        }
        let count = ports.len();
        let ports: Vec<_> = ports
            .into_iter()
            .enumerate()
            .map(|(index, config)| Port::new(index, config, settings.scrollback))
            .collect();
        if ports[0].has_size() {
            features |= VIRTIO_CONSOLE_F_SIZE;
        }
        let queues = if settings.multiport { 2 + 2 * count } else { 2 };
        let spec = QueueSpec {
            max_size: settings.queue_size,
            worker: 0,
        };
        Ok(Self {
            state: Arc::new(Mutex::new(State::new(ports)?)),
            queues: vec![spec; queues],
            features,
            ports: count as u32,
        })
    }
}

impl Device for Console {
    type Worker = ConsoleWorker;

    fn identity(&self) -> Identity {
        Identity {
            name: "console",
            device_id: DEVICE_ID,
        }
    }

    fn features(&self) -> u64 {
        self.features
    }

    fn queues(&self) -> &[QueueSpec] {
        &self.queues
    }

    fn config(&self) -> Vec<u8> {
        let (cols, rows) = lock(&self.state).ports[0].size;
        let config = spec::Config {
            cols: cols.into(),
            rows: rows.into(),
            max_nr_ports: self.ports.into(),
            emerg_wr: 0.into(),
        };
        config.as_bytes().to_vec()
    }

    fn write_config(&self, offset: u32, data: &[u8]) -> Result<(), ConfigError> {
        match data.first() {
            Some(&byte) if offset == EMERG_WR => {
                lock(&self.state).emergency(byte);
                Ok(())
            }
            _ => Err(ConfigError::ReadOnly {
                offset,
                len: data.len(),
            }),
        }
    }

    fn wants_channel(&self) -> bool {
        self.features & VIRTIO_CONSOLE_F_SIZE != 0
    }

    fn attach(&self, channel: Option<Arc<dyn Channel>>) {
        lock(&self.state).channel = channel;
    }

    fn worker(&self, _index: usize) -> io::Result<ConsoleWorker> {
        Ok(ConsoleWorker::new(self.state.clone()))
    }

    fn has_state(&self) -> bool {
        true
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        Ok(state::save(&lock(&self.state).ports))
    }

    fn load(&self, bytes: &[u8]) -> Result<(), StateError> {
        let mut state = lock(&self.state);
        state::load(bytes, &mut state.ports)?;
        state.call_again();
        Ok(())
    }

    fn reset(&self) {
        lock(&self.state).reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(count: usize, multiport: bool) -> io::Result<Console> {
        let port = |index| PortConfig {
            name: None,
            console: index == 0,
            host: Host::connect(std::path::Path::new("/nonexistent/socket")).unwrap(),
        };
        let settings = Settings {
            multiport,
            ..Settings::default()
        };
        Console::new((0..count).map(port).collect(), settings)
    }

    #[test]
    fn a_device_has_256_ports_with_their_queues() {
        let device = console(MAX_PORTS, true).unwrap();

        assert_eq!(device.queues().len(), 2 + 2 * 256);
        assert_eq!(device.config()[4..8], 256u32.to_le_bytes());
    }

    #[test]
    fn no_ports_too_many_and_several_without_multiport_are_refused() {
        for (count, multiport) in [(0, true), (MAX_PORTS + 1, true), (2, false)] {
            assert!(console(count, multiport).is_err(), "{count} {multiport}");
        }
    }
}
