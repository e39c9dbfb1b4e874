// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The template device: does each answer hold its own request's bytes?

use std::time::{Duration, Instant};

use virtio_guest::{Guest, Reply};

use super::Request;
use crate::{Result, text};

/// As the crate's `spec.rs` has them. It is not used here, so that an error there is seen.
const ECHO: u32 = 0;
const UPPER: u32 = 1;
const NO_SUCH_OPERATION: u32 = 7;
const OK: u32 = 0;
const ERROR: u32 = 1;
const STATUS: usize = 4;

const ROUNDS: usize = 500;
const DEPTH: usize = 8;

/// Has text echoed in both ways, and asks for two things that must be refused.
pub(crate) fn template(guest: &mut Guest) -> Result<String> {
    let config = guest.get_config(0, 4)?;
    let max = u32::from_le_bytes(config.as_slice().try_into()?) as usize;
    let queue = guest.queue(0);

    let start = Instant::now();
    let mut answers = 0;
    let mut total = 0;
    for round in 0..ROUNDS {
        let mut asked = Vec::new();
        for slot in 0..DEPTH {
            let operation = if slot % 2 == 0 { ECHO } else { UPPER };
            let data = words(round * DEPTH + slot, max);
            let token = queue.post(&[&operation.to_le_bytes(), &data], &[STATUS, data.len()])?;
            asked.push((token, operation, data));
        }
        queue.kick()?;
        for reply in queue.wait_all(Duration::from_secs(10))? {
            let (_, operation, data) = asked
                .iter()
                .find(|(token, _, _)| *token == reply.token())
                .ok_or("an answer to nothing that was asked")?;
            let wanted = match *operation {
                UPPER => data.to_ascii_uppercase(),
                _ => data.clone(),
            };
            if status(&reply) != Some(OK) || reply.data().get(STATUS..) != Some(&wanted[..]) {
                return Err(format!("wrong answer to {} bytes", data.len()).into());
            }
            answers += 1;
            total += 2 * data.len();
        }
    }
    let time = start.elapsed();

    let too_long = vec![b'a'; max + 1];
    for (what, operation, data) in [
        ("an unknown operation", NO_SUCH_OPERATION, &b"a"[..]),
        (
            "data longer than the configuration space allows",
            ECHO,
            &too_long,
        ),
    ] {
        let reply = queue.request(&[&operation.to_le_bytes(), data], &[STATUS, data.len()])?;
        if status(&reply) != Some(ERROR) {
            return Err(format!("{what} was not refused").into());
        }
    }
    Ok(format!(
        "{answers} requests answered right ({} there and back) in {}; 2 bad ones refused",
        text::bytes(total as f64),
        text::time(time),
    ))
}

/// A request with `size` bytes of data.
pub(crate) fn template_request(size: usize) -> Request {
    let mut request = ECHO.to_le_bytes().to_vec();
    request.resize(STATUS + size, b'a');
    Request {
        readable: vec![request],
        writable: vec![STATUS + size],
    }
}

/// Text of a length that depends on `seed`.
fn words(seed: usize, max: usize) -> Vec<u8> {
    let word = format!("Request {seed}, ");
    let len = 1 + (seed * 97) % max;
    word.bytes().cycle().take(len).collect()
}

fn status(reply: &Reply) -> Option<u32> {
    let bytes = reply.data().get(..STATUS)?.try_into().ok()?;
    Some(u32::from_le_bytes(bytes))
}
