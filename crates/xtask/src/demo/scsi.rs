// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The SCSI device: is what was written what is read, and are odd commands refused?

use std::time::Instant;

use rustix::rand::{GetRandomFlags, getrandom};
use virtio_guest::Guest;

use super::Request;
use crate::{Result, text};

/// As the crate's `spec.rs` has them. It is not used here, so that an error there is seen.
const QUEUE: u16 = 2;
const SENSE: usize = 96;
const ANSWER: usize = 12 + SENSE;
const CDB: usize = 32;
const BLOCK: usize = 512;

const PIECE: usize = 64 * 1024;
const PIECES: u32 = 256;

/// Writes random blocks, flushes, and reads them back.
pub(crate) fn scsi(guest: &mut Guest) -> Result<String> {
    // The first commands tell of the reset.
    for _ in 0..4 {
        run(guest, &[0; 6], &[], 0)?;
    }
    let inquiry = good(guest, &[0x12, 0, 0, 0, 36, 0], &[], 36)?;
    let capacity = good(guest, &[0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[], 8)?;
    let last = u32::from_be_bytes([capacity[0], capacity[1], capacity[2], capacity[3]]);
    let bytes = (u64::from(last) + 1) * BLOCK as u64;

    let mut pieces = Vec::new();
    let start = Instant::now();
    for n in 0..PIECES {
        let mut data = vec![0; PIECE];
        // Short at most by what a signal cut off, and then the rest is zeroes.
        getrandom(&mut data[..], GetRandomFlags::empty())?;
        good(guest, &range(0x2a, n, PIECE), &data, 0)?;
        pieces.push(data);
    }
    good(guest, &[0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[], 0)?;
    for (n, data) in (0..).zip(&pieces) {
        if good(guest, &range(0x28, n, PIECE), &[], PIECE)? != *data {
            return Err(format!("piece {n} is not what was written").into());
        }
    }
    let moved = 2.0 * PIECE as f64 * f64::from(PIECES);
    let rate = moved / start.elapsed().as_secs_f64();

    let (status, sense, _) = run(guest, &[0xff, 0, 0, 0, 0, 0], &[], 0)?;
    if status != 2 || (sense[2], sense[12]) != (5, 0x20) {
        return Err(format!("an unknown command got status {status}").into());
    }
    Ok(format!(
        "{} of {}: {} written, flushed and read back the same, at {}/s",
        String::from_utf8_lossy(&inquiry[8..32]).trim(),
        text::bytes(bytes as f64),
        text::bytes(moved / 2.0),
        text::bytes(rate),
    ))
}

/// READ (10) or WRITE (10) of piece number `n`.
fn range(code: u8, n: u32, len: usize) -> [u8; 10] {
    let blocks = (len / BLOCK) as u16;
    let lba = (n * u32::from(blocks)).to_be_bytes();
    let blocks = blocks.to_be_bytes();
    [
        code, 0, lba[0], lba[1], lba[2], lba[3], 0, blocks[0], blocks[1], 0,
    ]
}

fn header(cdb: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, 0, 0x40, 0, 0, 0, 0, 0];
    bytes.extend([0; 8 + 3 + CDB]);
    bytes[19..19 + cdb.len()].copy_from_slice(cdb);
    bytes
}

/// Status, sense data and data.
fn run(guest: &mut Guest, cdb: &[u8], data: &[u8], room: usize) -> Result<(u8, Vec<u8>, Vec<u8>)> {
    let header = header(cdb);
    let reply = guest
        .queue(QUEUE)
        .request(&[&header, data], &[ANSWER, room])?;
    let bytes = reply.bytes();
    if bytes[11] != 0 {
        return Err(format!("command {:#x} got response {}", cdb[0], bytes[11]).into());
    }
    Ok((
        bytes[10],
        bytes[12..ANSWER].to_vec(),
        bytes[ANSWER..].to_vec(),
    ))
}

fn good(guest: &mut Guest, cdb: &[u8], data: &[u8], room: usize) -> Result<Vec<u8>> {
    match run(guest, cdb, data, room)? {
        (0, _, data) => Ok(data),
        (status, sense, _) => Err(format!(
            "command {:#x} got status {status}, sense {:x?}",
            cdb[0],
            &sense[..18]
        )
        .into()),
    }
}

/// A read of `size` bytes, in whole blocks.
pub(crate) fn scsi_request(size: usize) -> Request {
    let size = size.next_multiple_of(BLOCK);
    Request {
        readable: vec![header(&range(0x28, 0, size))],
        writable: vec![ANSWER, size],
    }
}

/// A write of `size` bytes, in whole blocks.
pub(crate) fn scsi_write_request(size: usize) -> Request {
    let size = size.next_multiple_of(BLOCK);
    Request {
        readable: vec![header(&range(0x2a, 0, size)), vec![0xa5; size]],
        writable: vec![ANSWER],
    }
}
