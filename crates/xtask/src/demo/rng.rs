// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The entropy device: are the bytes there, are they new each time, could they be random?

use std::collections::HashSet;
use std::time::Duration;

use virtio_guest::Guest;
use virtio_guest::measure::{self, Load, Wait};

use super::Request;
use crate::randomness::Sample;
use crate::{Result, text};

/// How much is taken for the rate, and how much is looked at.
const TOTAL: u64 = 128 << 20;
const SAMPLE: u64 = 16 << 20;

const REQUEST: usize = 32 * 1024;
const DEPTH: u16 = 16;

/// Reads entropy as fast as the device gives it, and looks at some of it.
pub(crate) fn rng(guest: &mut Guest) -> Result<String> {
    let load = Load {
        writable: vec![REQUEST],
        depth: DEPTH,
        requests: TOTAL / REQUEST as u64,
        wait: Wait::Poll,
        ..Load::default()
    };
    let figures = measure::run(guest, &load, None)?;

    let queue = guest.queue(0);
    let mut sample = Sample::default();
    let mut beginnings = HashSet::new();
    let mut answers = 0;
    while sample.len() < SAMPLE {
        for _ in 0..DEPTH {
            queue.post(&[], &[REQUEST])?;
        }
        queue.kick()?;
        for reply in queue.wait_all(Duration::from_secs(10))? {
            let data = reply.data();
            if data.len() < 16 {
                let size = data.len();
                return Err(format!("{size} bytes came for a request of {REQUEST}").into());
            }
            answers += 1;
            beginnings.insert(data[..16].to_vec());
            sample.add(&data);
        }
    }
    if beginnings.len() != answers {
        let repeated = answers - beginnings.len();
        return Err(format!("{repeated} of {answers} answers begin like another one").into());
    }
    let checked = format!(
        "{} checked: {:.3} % ones, chi-square of bytes {:.0} (255 +- 23)",
        text::bytes(sample.len() as f64),
        sample.ones() * 100.0,
        sample.chi_square(),
    );
    if !sample.plausible() {
        return Err(format!("these bytes are not random: {checked}").into());
    }
    Ok(format!(
        "{} of entropy at {}/s; {checked}",
        text::bytes(figures.written as f64),
        text::bytes(figures.bytes_per_second()),
    ))
}

/// A request for `size` bytes.
pub(crate) fn rng_request(size: usize) -> Request {
    Request {
        readable: Vec::new(),
        writable: vec![size],
    }
}
