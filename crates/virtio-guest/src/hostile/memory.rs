// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Memory tables, regions that come and go, files that shrink, and the dirty log.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::fs::MemfdFlags;

use super::{Attempt, Case, PATIENCE, may_end, refused, step, survives};
use crate::{
    DESC_INDIRECT, DESC_WRITE, Descriptor, Error, Guest, Region, Signal,
    wire::{self, MemoryRegion, feature, protocol, request},
};

const MIB: u64 = 1 << 20;

pub(super) const CASES: &[Case] = &[
    may_end("no regions", |a| table(a, |_| vec![])),
    may_end("regions that overlap for the guest", |a| {
        table(a, |one| {
            vec![
                one,
                MemoryRegion {
                    guest_addr: one.guest_addr + MIB / 2,
                    user_addr: 1 << 40,
                    ..one
                },
            ]
        })
    }),
    may_end("the same region twice", |a| table(a, |one| vec![one, one])),
    may_end("region of no bytes", |a| {
        table(a, |one| vec![MemoryRegion { size: 0, ..one }])
    }),
    may_end("region that wraps around for the guest", |a| {
        table(a, |one| {
            vec![MemoryRegion {
                guest_addr: u64::MAX - 0xfff,
                ..one
            }]
        })
    }),
    may_end("region that wraps around for the frontend", |a| {
        lenient(a, |one| {
            vec![MemoryRegion {
                user_addr: u64::MAX - 0xfff,
                ..one
            }]
        })
    }),
    may_end("region longer than its file", |a| {
        table(a, |one| {
            vec![MemoryRegion {
                size: 2 * MIB,
                ..one
            }]
        })
    }),
    may_end("region of half the address space", |a| {
        table(a, |one| {
            vec![MemoryRegion {
                size: 1 << 63,
                ..one
            }]
        })
    }),
    may_end("region of all the address space", |a| {
        table(a, |one| {
            vec![MemoryRegion {
                size: u64::MAX,
                guest_addr: 0,
                ..one
            }]
        })
    }),
    may_end("region that begins behind its file", |a| {
        table(a, |one| {
            vec![MemoryRegion {
                mmap_offset: 16 * MIB,
                ..one
            }]
        })
    }),
    may_end("file offset that overflows", |a| {
        table(a, |one| {
            vec![MemoryRegion {
                mmap_offset: u64::MAX - 0xfff,
                ..one
            }]
        })
    }),
    may_end("file offset inside a page", |a| {
        lenient(a, |one| {
            vec![MemoryRegion {
                mmap_offset: 100,
                size: MIB / 2,
                ..one
            }]
        })
    }),
    may_end("33 regions", |a| {
        table(a, |one| {
            (0..33)
                .map(|i| MemoryRegion {
                    guest_addr: one.guest_addr + i * 2 * MIB,
                    user_addr: one.user_addr + i * 2 * MIB,
                    ..one
                })
                .collect()
        })
    }),
    may_end("32 regions", |a| {
        lenient(a, |one| {
            (0..32)
                .map(|i| MemoryRegion {
                    guest_addr: one.guest_addr + i * 2 * MIB,
                    user_addr: one.user_addr + i * 2 * MIB,
                    ..one
                })
                .collect()
        })
    }),
    may_end("table that promises more regions than it has", |a| {
        let mut guest = a.boot()?;
        let one = step("region", Region::new(0, MIB as usize))?;
        let mut payload = wire::memory_table(&[one.describe()], guest.extended_regions());
        payload[0] = 8;
        tell_table(&mut guest, &payload, &[one.as_fd()])
    }),
    may_end("table that promises 4 billion regions", |a| {
        let mut guest = a.boot()?;
        let one = step("region", Region::new(0, MIB as usize))?;
        let mut payload = wire::memory_table(&[one.describe()], guest.extended_regions());
        payload[..4].fill(0xff);
        tell_table(&mut guest, &payload, &[one.as_fd()])
    }),
    may_end("fewer files than regions", |a| {
        let mut guest = a.boot()?;
        let (one, two) = two_regions()?;
        let payload =
            wire::memory_table(&[one.describe(), two.describe()], guest.extended_regions());
        tell_table(&mut guest, &payload, &[one.as_fd()])
    }),
    may_end("more files than regions", |a| {
        let mut guest = a.boot()?;
        let (one, two) = two_regions()?;
        let payload = wire::memory_table(&[one.describe()], guest.extended_regions());
        tell_table(&mut guest, &payload, &[one.as_fd(), two.as_fd()])
    }),
    may_end("regions of the other layout", |a| {
        let mut guest = a.boot()?;
        let one = step("region", Region::new(0, MIB as usize))?;
        let payload = wire::memory_table(&[one.describe()], !guest.extended_regions());
        tell_table(&mut guest, &payload, &[one.as_fd()])
    }),
    may_end("eventfd for memory", |a| {
        let mut guest = a.boot()?;
        let one = step("region", Region::new(0, MIB as usize))?;
        let bell = step("eventfd", Signal::eventfd())?;
        let payload = wire::memory_table(&[one.describe()], guest.extended_regions());
        tell_table(&mut guest, &payload, &[bell.theirs()])
    }),
    may_end("socket for memory", |a| {
        let mut guest = a.boot()?;
        let one = step("region", Region::new(0, MIB as usize))?;
        let payload = wire::memory_table(&[one.describe()], guest.extended_regions());
        let own = step(
            "socket",
            guest
                .socket()
                .try_clone()
                .map_err(Error::os("cannot clone")),
        )?;
        tell_table(&mut guest, &payload, &[own.as_fd()])
    }),
    may_end("memory that may only be read", |a| {
        let mut guest = a.boot()?;
        let one = step("region", Region::new(0, MIB as usize))?;
        let path = format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(one.file())
        );
        let read_only = std::fs::File::open(path).map_err(|e| format!("cannot reopen: {e}"))?;
        let payload = wire::memory_table(&[one.describe()], guest.extended_regions());
        tell_table(&mut guest, &payload, &[read_only.as_fd()])
    }),
    may_end("fifty memory tables", |a| {
        let mut guest = a.boot()?;
        for _ in 0..50 {
            step("table", guest.share_memory())?;
        }
        Ok(Some(guest))
    }),
    may_end("memory table anew while requests run", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        for _ in 0..5 {
            a.post_many(&mut guest, 32)?;
            guest.queue(index).kick_always();
            step("table", guest.share_memory())?;
            guest.queue(index).kick_always();
            step("requests", guest.queue(index).wait_all(PATIENCE))?;
        }
        Ok(Some(guest))
    }),
    may_end("memory table without the ring in use", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        a.post_many(&mut guest, 32)?;
        guest.queue(index).kick_always();
        let other = step("region", Region::new(1 << 40, MIB as usize))?;
        let payload = wire::memory_table(&[other.describe()], guest.extended_regions());
        let _ = guest
            .frontend()
            .tell(request::SET_MEM_TABLE, &payload, &[other.as_fd()]);
        guest.queue(index).kick_always();
        std::thread::sleep(Duration::from_millis(20));
        Ok(None)
    }),
    may_end("region added over another", |a| {
        add(a, |guest| {
            let taken = guest.arena().region(0).describe();
            MemoryRegion {
                guest_addr: taken.guest_addr + 4096,
                user_addr: 1 << 41,
                ..taken
            }
        })
    }),
    may_end("region added that is longer than its file", |a| {
        add(a, |_| MemoryRegion {
            guest_addr: 1 << 40,
            size: 64 * MIB,
            user_addr: 1 << 41,
            mmap_offset: 0,
            xen: [0; 2],
        })
    }),
    may_end("region added of no bytes", |a| {
        add(a, |_| MemoryRegion {
            guest_addr: 1 << 40,
            size: 0,
            user_addr: 1 << 41,
            mmap_offset: 0,
            xen: [0; 2],
        })
    }),
    may_end("region added that wraps around", |a| {
        add(a, |_| MemoryRegion {
            guest_addr: u64::MAX - 0xfff,
            size: MIB,
            user_addr: 1 << 41,
            mmap_offset: 0,
            xen: [0; 2],
        })
    }),
    may_end("region added without a file", |a| {
        let mut guest = a.boot()?;
        let new = MemoryRegion {
            guest_addr: 1 << 40,
            size: MIB,
            user_addr: 1 << 41,
            mmap_offset: 0,
            xen: [0; 2],
        };
        let payload = wire::single_region(&new, guest.extended_regions());
        let result = guest.frontend().tell(request::ADD_MEM_REG, &payload, &[]);
        refused(&mut guest, result)?;
        Ok(Some(guest))
    }),
    may_end("more regions added than there are slots", |a| {
        let mut guest = a.boot()?;
        if !guest.has(protocol::CONFIGURE_MEM_SLOTS) {
            return add(a, |_| MemoryRegion {
                guest_addr: 1 << 40,
                size: MIB,
                user_addr: 1 << 41,
                mmap_offset: 0,
                xen: [0; 2],
            });
        }
        let slots = step("slots", guest.max_memory_slots())?;
        for i in 0..slots.min(600) + 1 {
            let added = guest.add_region((1 << 40) + i * 2 * MIB, 4096);
            if i == slots {
                refused(&mut guest, added)?;
                break;
            }
            if added.is_err() {
                break;
            }
        }
        Ok(None)
    }),
    may_end("unknown region removed", |a| {
        let mut guest = a.boot()?;
        let unknown = MemoryRegion {
            guest_addr: 7 << 40,
            size: MIB,
            user_addr: 7 << 41,
            mmap_offset: 0,
            xen: [0; 2],
        };
        let payload = wire::single_region(&unknown, guest.extended_regions());
        let result = guest.frontend().tell(request::REM_MEM_REG, &payload, &[]);
        refused(&mut guest, result)?;
        Ok(Some(guest))
    }),
    may_end("half of a region removed", |a| {
        let mut guest = a.boot()?;
        let half = guest.arena().region(1).describe();
        let payload = wire::single_region(
            &MemoryRegion {
                size: half.size / 2,
                ..half
            },
            guest.extended_regions(),
        );
        let _ = guest.frontend().tell(request::REM_MEM_REG, &payload, &[]);
        Ok(Some(guest))
    }),
    may_end("region of the ring removed, and a kick", |a| removed(a, 0)),
    may_end("region of the buffers removed, and a kick", |a| {
        removed(a, 1)
    }),
    may_end("region added and removed while requests run", |a| {
        let mut guest = a.boot()?;
        if !guest.has(protocol::CONFIGURE_MEM_SLOTS) {
            return Ok(Some(guest));
        }
        for _ in 0..10 {
            a.post_many(&mut guest, 16)?;
            guest.queue(a.queue()).kick_always();
            step("add", guest.add_region(1 << 40, MIB as usize))?;
            step("remove", guest.remove_region(1 << 40))?;
            guest.queue(a.queue()).kick_always();
            step("requests", guest.queue(a.queue()).wait_all(PATIENCE))?;
        }
        Ok(Some(guest))
    }),
    may_end("file of the buffers truncated", |a| {
        let mut guest = a.boot()?;
        let region = guest.arena().region(1);
        let queue = guest.queue(a.queue());
        for entry in 0..8 {
            let gone = Descriptor {
                addr: region.guest_addr() + 0x1000 * u64::from(entry),
                len: 4096,
                flags: if entry % 2 == 0 { DESC_WRITE } else { 0 },
                next: 0,
            };
            step("ring", queue.write_descriptor(entry, gone))?;
            step("ring", queue.offer(entry))?;
        }
        step("truncate", region.truncate(0))?;
        guest.queue(a.queue()).kick_always();
        // Longer than a request takes; nothing here looks at that memory again.
        std::thread::sleep(Duration::from_millis(30));
        Ok(None)
    }),
    may_end("file of an indirect table truncated", |a| {
        let mut guest = a.boot()?;
        let region = guest.arena().region(1);
        let queue = guest.queue(a.queue());
        let gone = Descriptor {
            addr: region.guest_addr(),
            len: 64,
            flags: DESC_INDIRECT,
            next: 0,
        };
        step("ring", queue.write_descriptor(0, gone))?;
        step("ring", queue.offer(0))?;
        step("truncate", region.truncate(0))?;
        guest.queue(a.queue()).kick_always();
        std::thread::sleep(Duration::from_millis(30));
        Ok(None)
    }),
    may_end("file of the ring truncated", |a| {
        let mut guest = a.boot()?;
        a.post_sample(&mut guest)?;
        let region = guest.arena().region(0);
        step("truncate", region.truncate(0))?;
        guest.queue(a.queue()).kick_always();
        std::thread::sleep(Duration::from_millis(30));
        Ok(None)
    }),
    may_end("file of the ring truncated, then the queue stopped", |a| {
        let mut guest = a.boot()?;
        let region = guest.arena().region(0);
        step("truncate", region.truncate(0))?;
        guest.queue(a.queue()).kick_always();
        let payload = wire::vring_state(a.queue().into(), 0);
        let _ = guest.frontend().ask(request::GET_VRING_BASE, &payload, &[]);
        let _ = guest.set_vring_addr(a.queue());
        Ok(None)
    }),
    may_end("file truncated and restored", |a| {
        let mut guest = a.boot()?;
        let region = guest.arena().region(0);
        let len = region.size() as u64;
        step("truncate", region.truncate(0))?;
        guest.queue(a.queue()).kick_always();
        std::thread::sleep(Duration::from_millis(10));
        step("restore", region.truncate(len))?;
        guest.queue(a.queue()).kick_always();
        std::thread::sleep(Duration::from_millis(10));
        Ok(None)
    }),
    may_end("log that is too short for the memory", |a| {
        let mut guest = a.boot()?;
        let file = memfd(4096)?;
        let told = guest.frontend().ask(
            request::SET_LOG_BASE,
            &wire::log_base(8, 0),
            &[file.as_fd()],
        );
        if told.is_ok() {
            let _ = guest.set_features(guest.features() | feature::LOG_ALL);
            a.post_sample(&mut guest)?;
            guest.queue(a.queue()).kick_always();
        }
        Ok(None)
    }),
    may_end("log longer than its file", |a| {
        let mut guest = a.boot()?;
        let file = memfd(4096)?;
        let told = guest
            .frontend()
            .ask(
                request::SET_LOG_BASE,
                &wire::log_base(16 * MIB, 0),
                &[file.as_fd()],
            )
            .map(drop);
        refused(&mut guest, told)?;
        Ok(Some(guest))
    }),
    may_end("log whose offset overflows", |a| {
        let mut guest = a.boot()?;
        let file = memfd(4096)?;
        let told = guest
            .frontend()
            .ask(
                request::SET_LOG_BASE,
                &wire::log_base(4096, u64::MAX - 0xfff),
                &[file.as_fd()],
            )
            .map(drop);
        refused(&mut guest, told)?;
        Ok(Some(guest))
    }),
    may_end("file of the log truncated", |a| {
        let mut guest = a.boot()?;
        if !guest.has(protocol::LOG_SHMFD) {
            return Ok(Some(guest));
        }
        let log = step("log", guest.start_logging())?;
        log.file()
            .set_len(0)
            .map_err(|e| format!("cannot truncate: {e}"))?;
        a.post_many(&mut guest, 16)?;
        guest.queue(a.queue()).kick_always();
        std::thread::sleep(Duration::from_millis(30));
        Ok(None)
    }),
    may_end("logging without a log", |a| {
        let mut guest = a.boot()?;
        if guest.offered_features() & feature::LOG_ALL != 0 {
            let _ = guest.set_features(guest.features() | feature::LOG_ALL);
            a.post_many(&mut guest, 16)?;
            guest.queue(a.queue()).kick_always();
        }
        Ok(Some(guest))
    }),
    survives("buffers over all of memory", |a| {
        let mut guest = a.boot()?;
        let region = guest.arena().region(1);
        let whole = Descriptor {
            addr: region.guest_addr(),
            len: region.size() as u32,
            flags: DESC_WRITE,
            next: 0,
        };
        let queue = guest.queue(a.queue());
        for entry in 0..8 {
            step("ring", queue.write_descriptor(entry, whole))?;
            step("ring", queue.offer(entry))?;
        }
        queue.kick_always();
        Ok(Some(guest))
    }),
];

fn memfd(len: u64) -> Result<OwnedFd, String> {
    let fd = rustix::fs::memfd_create("short", MemfdFlags::CLOEXEC)
        .map_err(|e| format!("cannot create a memfd: {e}"))?;
    rustix::fs::ftruncate(&fd, len).map_err(|e| format!("cannot size a memfd: {e}"))?;
    Ok(fd)
}

fn two_regions() -> Result<(std::sync::Arc<Region>, std::sync::Arc<Region>), String> {
    Ok((
        step("region", Region::new(0, MIB as usize))?,
        step("region", Region::new(1 << 30, MIB as usize))?,
    ))
}

fn tell_table(
    guest: &mut Guest,
    payload: &[u8],
    fds: &[BorrowedFd<'_>],
) -> Result<Option<Guest>, String> {
    let result = guest.frontend().tell(request::SET_MEM_TABLE, payload, fds);
    refused(guest, result)?;
    Ok(None)
}

/// A table that must be refused. `make` gets a good region of one MiB.
fn table(
    a: &Attempt<'_>,
    make: fn(MemoryRegion) -> Vec<MemoryRegion>,
) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let result = send_table(&mut guest, make)?;
    refused(&mut guest, result)?;
    Ok(None)
}

/// A table that may be refused.
fn lenient(
    a: &Attempt<'_>,
    make: fn(MemoryRegion) -> Vec<MemoryRegion>,
) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let _ = send_table(&mut guest, make)?;
    guest.queue(a.queue()).kick_always();
    std::thread::sleep(Duration::from_millis(10));
    Ok(None)
}

fn send_table(
    guest: &mut Guest,
    make: fn(MemoryRegion) -> Vec<MemoryRegion>,
) -> Result<Result<(), Error>, String> {
    let one = step("region", Region::new(1 << 40, MIB as usize))?;
    let regions = make(one.describe());
    let payload = wire::memory_table(&regions, guest.extended_regions());
    let fds = vec![one.as_fd(); regions.len()];
    Ok(guest
        .frontend()
        .tell(request::SET_MEM_TABLE, &payload, &fds))
}

/// Adds a region that must be refused, in a file of one MiB.
fn add(a: &Attempt<'_>, make: fn(&Guest) -> MemoryRegion) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let region = make(&guest);
    let file = memfd(MIB)?;
    let payload = wire::single_region(&region, guest.extended_regions());
    let result = guest
        .frontend()
        .tell(request::ADD_MEM_REG, &payload, &[file.as_fd()]);
    refused(&mut guest, result)?;
    Ok(Some(guest))
}

/// Has the daemon forget a region that requests are using.
fn removed(a: &Attempt<'_>, which: usize) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let region = guest.arena().region(which);
    let target = guest.arena().region(1);
    let queue = guest.queue(a.queue());
    for entry in 0..8 {
        let buffer = Descriptor {
            addr: target.guest_addr() + 0x1000 * u64::from(entry),
            len: 4096,
            flags: DESC_WRITE,
            next: 0,
        };
        step("ring", queue.write_descriptor(entry, buffer))?;
        step("ring", queue.offer(entry))?;
    }
    queue.kick_always();
    let payload = wire::single_region(&region.describe(), guest.extended_regions());
    let told = guest.frontend().tell(request::REM_MEM_REG, &payload, &[]);
    if told.is_ok() && guest.frontend().acknowledges() {
        // Acknowledged: from now on nobody touches that memory.
        let before = guest.arena().snapshot();
        guest.queue(a.queue()).kick_always();
        std::thread::sleep(Duration::from_millis(30));
        let changed = guest.arena().changed_pages(&before);
        let inside = region.guest_addr() / 4096..region.end() / 4096;
        if let Some(page) = changed.iter().find(|page| inside.contains(page)) {
            return Err(format!(
                "page {page:#x} was written after its region was removed"
            ));
        }
    }
    Ok(None)
}
