// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! An access of the guest's, as Xen hands it over (`struct ioreq`).

use std::sync::atomic::{AtomicU8, Ordering};

use xen_ioctl::{Mapping, Result};

const READY: u8 = xen_sys::STATE_IOREQ_READY as u8;
const IN_PROCESS: u8 = xen_sys::STATE_IOREQ_INPROCESS as u8;
const ANSWERED: u8 = xen_sys::STATE_IORESP_READY as u8;
const STATE: u8 = 0x0f;
const BY_POINTER: u8 = 0x10;
const IS_READ: u8 = 0x20;

/// An access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) addr: u64,
    pub(crate) size: u32,
    pub(crate) data: u64,
    pub(crate) is_read: bool,
}

/// Takes the request of one processor, if there is a new one.
pub(crate) fn read_request(page: &Mapping, offset: usize) -> Result<Option<Request>> {
    let flags = page.atomic_u8(offset + 30)?;
    let bits = flags.load(Ordering::Acquire);
    if bits & STATE != READY {
        return Ok(None);
    }
    set_state(flags, IN_PROCESS);
    let mut request = Request {
        addr: page.atomic_u64(offset)?.load(Ordering::Relaxed),
        data: page.atomic_u64(offset + 8)?.load(Ordering::Relaxed),
        size: page.atomic_u32(offset + 20)?.load(Ordering::Relaxed),
        is_read: bits & IS_READ != 0,
    };
    let kind = page.atomic_u8(offset + 31)?.load(Ordering::Relaxed);
    if u32::from(kind) != xen_sys::IOREQ_TYPE_COPY || bits & BY_POINTER != 0 {
        // No driver does that; it gets an answer nevertheless.
        request.addr = u64::MAX;
    }
    Ok(Some(request))
}

impl Request {
    /// Gives it back, with what was read.
    pub(crate) fn answer(&self, page: &Mapping, offset: usize, read: u64) -> Result<()> {
        let flags = page.atomic_u8(offset + 30)?;
        if self.is_read && flags.load(Ordering::Relaxed) & BY_POINTER == 0 {
            page.atomic_u64(offset + 8)?.store(read, Ordering::Relaxed);
        }
        set_state(flags, ANSWERED);
        Ok(())
    }
}

fn set_state(flags: &AtomicU8, state: u8) {
    let bits = flags.load(Ordering::Relaxed);
    flags.store((bits & !STATE) | state, Ordering::Release);
}
