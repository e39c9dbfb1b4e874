// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The console: does it take output as fast as a guest has it, and say what it is?

use virtio_guest::Guest;
use virtio_guest::measure::{self, Load, Wait};

use super::Request;
use crate::{Result, text};

/// The transmit queue of port 0.
pub(crate) const TRANSMIT: u16 = 1;

const TOTAL: u64 = 256 << 20;
const BUFFER: usize = 4096;
const CONFIG: usize = 12;
const EMERG_WR: u32 = 8;

/// Writes output through the queue, and a character without one.
pub(crate) fn console(guest: &mut Guest) -> Result<String> {
    let config = guest.get_config(0, CONFIG as u32)?;
    if config.len() != CONFIG {
        return Err(format!("the configuration space has {} bytes", config.len()).into());
    }
    let ports = u32::from_le_bytes([config[4], config[5], config[6], config[7]]);
    guest.set_config(EMERG_WR, &u32::from(b'!').to_le_bytes())?;
    let load = Load {
        queue: TRANSMIT,
        readable: vec![vec![b'x'; BUFFER]],
        writable: Vec::new(),
        depth: 32,
        requests: TOTAL / BUFFER as u64,
        wait: Wait::Poll,
        ..Load::default()
    };
    let figures = measure::run(guest, &load, None)?;
    if figures.written != 0 {
        return Err("output buffers came back with something in them".into());
    }
    Ok(format!(
        "{ports} port; {} of output in buffers of 4 KiB at {}/s, to /dev/null; an emergency character",
        text::bytes(TOTAL as f64),
        text::bytes(figures.bytes_per_second()),
    ))
}

/// Output of `size` bytes.
pub(crate) fn console_request(size: usize) -> Request {
    Request {
        readable: vec![vec![b'x'; size]],
        writable: Vec::new(),
    }
}
