// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Another domain: created without a toolstack, never started, there to have memory.
//!
//! It is a PV one, whose frames are the machine's, because that needs no virtualisation of the
//! processor. Only three operations are asked of the hypervisor; what they look like is the same in
//! all of its versions that the lab knows, but for the number of the interface.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use crate::Result;

/// `privcmd_hypercall`: number and five arguments.
const HYPERCALL: u64 = (48 << 16) | ((b'P' as u64) << 8);

const MEMORY_OP: u64 = 12;
const DOMCTL: u64 = 36;
const POPULATE_PHYSMAP: u64 = 6;
const CREATE: u32 = 1;
const DESTROY: u32 = 2;
const MAX_MEM: u32 = 11;

/// Of Xen 4.19 and newer, 4.18, 4.17.
const INTERFACES: [u32; 3] = [0x17, 0x16, 0x15];

/// Pages of its memory, in one piece: 2^9.
pub(crate) const PAGES: usize = 512;
const ORDER: u32 = 9;

/// `xen_domctl`: 16 bytes that all operations have, and 128 for each of its own.
#[repr(C, align(8))]
struct Control {
    command: u32,
    interface: u32,
    domain: u16,
    padding: [u16; 3],
    words: [u32; 32],
}

/// `xen_memory_reservation`.
#[repr(C)]
struct Reservation {
    extents: u64,
    count: u64,
    order: u32,
    flags: u32,
    domain: u16,
    padding: [u16; 3],
}

/// A domain with [`PAGES`] pages of memory, until it is dropped.
#[derive(Debug)]
pub(crate) struct Domain {
    privcmd: File,
    interface: u32,
    pub(crate) id: u16,
    /// Where its memory begins.
    pub(crate) frame: u64,
}

impl Domain {
    pub(crate) fn create() -> Result<Self> {
        let privcmd = File::options()
            .read(true)
            .write(true)
            .open("/dev/xen/privcmd")?;
        let mut words = [0; 32];
        // The handle, a UUID that nobody looks at.
        words[1..5].fill(0x0b0e_1ab0);
        // Virtual processors, event channels, default limits of grants, version 1 of those.
        words[7..12].copy_from_slice(&[1, 1023, u32::MAX, u32::MAX, 1]);
        for interface in INTERFACES {
            match control(&privcmd, interface, CREATE, 0, words) {
                Ok(id) => {
                    let mut domain = Self {
                        privcmd,
                        interface,
                        id,
                        frame: 0,
                    };
                    domain.populate()?;
                    return Ok(domain);
                }
                // Another version of the interface.
                Err(error) if error.raw_os_error() == Some(libc::EACCES) => {}
                Err(error) => return Err(format!("cannot create a domain: {error}").into()),
            }
        }
        Err("this version of Xen has an interface that the lab does not know".into())
    }

    fn populate(&mut self) -> Result<()> {
        let mut words = [0; 32];
        // KiB, with room to spare.
        words[0] = 16 << 10;
        control(&self.privcmd, self.interface, MAX_MEM, self.id, words)
            .map_err(|error| format!("cannot allow a domain memory: {error}"))?;
        let mut extent = 0u64;
        let reservation = Reservation {
            extents: &raw mut extent as u64,
            count: 1,
            order: ORDER,
            flags: 0,
            domain: self.id,
            padding: [0; 3],
        };
        let arguments = [POPULATE_PHYSMAP, &raw const reservation as u64];
        let done = hypercall(&self.privcmd, MEMORY_OP, arguments)
            .map_err(|error| format!("cannot give a domain memory: {error}"))?;
        if done != 1 {
            return Err("the hypervisor has no 2 MiB in one piece".into());
        }
        self.frame = extent;
        Ok(())
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // What is mapped of it keeps its memory until it is unmapped.
        if let Err(error) = control(&self.privcmd, self.interface, DESTROY, self.id, [0; 32]) {
            eprintln!("cannot destroy domain {}: {error}", self.id);
        }
    }
}

fn control(
    privcmd: &File,
    interface: u32,
    command: u32,
    domain: u16,
    words: [u32; 32],
) -> io::Result<u16> {
    let mut control = Control {
        command,
        interface,
        domain,
        padding: [0; 3],
        words,
    };
    loop {
        match hypercall(privcmd, DOMCTL, [&raw mut control as u64, 0]) {
            // A destruction goes on where it was interrupted.
            Err(error) if error.raw_os_error() == Some(libc::ERESTART) => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(control.domain),
        }
    }
}

fn hypercall(privcmd: &File, number: u64, [first, second]: [u64; 2]) -> io::Result<i32> {
    let mut words = [number, first, second, 0, 0, 0];
    // SAFETY: the request has six words, and what its arguments point at are the structures that the
    // hypervisor reads and writes, of the size that it has for them.
    match unsafe { libc::ioctl(privcmd.as_raw_fd(), HYPERCALL as _, words.as_mut_ptr()) } {
        result @ 0.. => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}
