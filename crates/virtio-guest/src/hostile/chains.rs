// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! What a driver can write into a ring that stands where it should.

use super::{Attempt, Case, step, survives};
use crate::{DESC_INDIRECT, DESC_NEXT, DESC_WRITE, Descriptor, Guest, Queue};

/// More than any arena of the suite, and in the gap between its regions.
const UNMAPPED: u64 = 0x2000_0000;

pub(super) const CASES: &[Case] = &[
    survives("available index one more than the ring", |a| {
        index(a, |q| q.size() + 1)
    }),
    survives("available index half way around", |a| index(a, |_| 0x8000)),
    survives("available index goes back", |a| index(a, |_| u16::MAX)),
    survives("available index jumps after a request", |a| {
        let mut guest = a.boot()?;
        (a.device.request)(&mut guest)?;
        let queue = guest.queue(a.queue());
        let wild = queue.next_avail().wrapping_add(0x4000);
        step("ring", queue.set_avail_idx(wild))?;
        queue.kick_always();
        Ok(Some(guest))
    }),
    survives("head equal to the ring's size", |a| head(a, |size| size)),
    survives("head 65535", |a| head(a, |_| u16::MAX)),
    survives("next equal to the ring's size", |a| next(a, |size| size)),
    survives("next 65535", |a| next(a, |_| u16::MAX)),
    survives("descriptor that follows itself", |a| {
        chain(a, |_, buffer| {
            vec![Descriptor {
                next: 0,
                flags: DESC_NEXT | DESC_WRITE,
                ..buffer
            }]
        })
    }),
    survives("loop of two descriptors", |a| {
        chain(a, |_, buffer| {
            vec![
                Descriptor {
                    next: 1,
                    flags: DESC_NEXT | DESC_WRITE,
                    ..buffer
                },
                Descriptor {
                    next: 0,
                    flags: DESC_NEXT | DESC_WRITE,
                    ..buffer
                },
            ]
        })
    }),
    survives("loop of all descriptors", |a| {
        chain(a, |q, buffer| {
            (0..q.size())
                .map(|i| Descriptor {
                    next: (i + 1) % q.size(),
                    flags: DESC_NEXT | DESC_WRITE,
                    ..buffer
                })
                .collect()
        })
    }),
    survives("last descriptor still has NEXT", |a| {
        chain(a, |q, buffer| {
            let last = q.size() - 1;
            vec![Descriptor {
                next: last,
                flags: DESC_NEXT | DESC_WRITE,
                ..buffer
            }]
        })
    }),
    survives("indirect table in an indirect table", |a| {
        table(a, |at, buffer| {
            (
                vec![
                    Descriptor {
                        addr: at + 32,
                        len: 16,
                        flags: DESC_INDIRECT,
                        next: 0,
                    },
                    Descriptor::default(),
                    buffer,
                ],
                16,
                DESC_INDIRECT,
            )
        })
    }),
    survives("indirect table that contains itself", |a| {
        table(a, |at, _| {
            let own = Descriptor {
                addr: at,
                len: 16,
                flags: DESC_INDIRECT,
                next: 0,
            };
            (vec![own], 16, DESC_INDIRECT)
        })
    }),
    survives("indirect descriptor with NEXT", |a| {
        table(a, |_, buffer| (vec![buffer], 16, DESC_INDIRECT | DESC_NEXT))
    }),
    survives("indirect descriptor with WRITE", |a| {
        table(a, |_, buffer| {
            (vec![buffer], 16, DESC_INDIRECT | DESC_WRITE)
        })
    }),
    survives("indirect table of 15 bytes", |a| {
        table(a, |_, buffer| (vec![buffer], 15, DESC_INDIRECT))
    }),
    survives("indirect table of 17 bytes", |a| {
        table(a, |_, buffer| (vec![buffer], 17, DESC_INDIRECT))
    }),
    survives("indirect table of no bytes", |a| {
        table(a, |_, buffer| (vec![buffer], 0, DESC_INDIRECT))
    }),
    survives("indirect table of 4 GiB", |a| {
        table(a, |_, buffer| (vec![buffer], 0xffff_fff0, DESC_INDIRECT))
    }),
    survives("indirect table of one MiB", |a| {
        table(a, |_, buffer| (vec![buffer], 0x10_0000, DESC_INDIRECT))
    }),
    survives("indirect table longer than the ring", |a| {
        table(a, |_, buffer| {
            let entries = 400u16;
            let long = (0..entries)
                .map(|i| Descriptor {
                    next: i + 1,
                    flags: buffer.flags | if i + 1 < entries { DESC_NEXT } else { 0 },
                    ..buffer
                })
                .collect();
            (long, 16 * u32::from(entries), DESC_INDIRECT)
        })
    }),
    survives("indirect chain that leaves its table", |a| {
        table(a, |_, buffer| {
            let out = Descriptor {
                next: 1,
                flags: buffer.flags | DESC_NEXT,
                ..buffer
            };
            (vec![out], 16, DESC_INDIRECT)
        })
    }),
    survives("indirect chain that loops", |a| {
        table(a, |_, buffer| {
            let own = Descriptor {
                next: 0,
                flags: buffer.flags | DESC_NEXT,
                ..buffer
            };
            (vec![own], 16, DESC_INDIRECT)
        })
    }),
    survives("indirect table in unmapped memory", |a| {
        single(a, |_| (UNMAPPED, 64, DESC_INDIRECT))
    }),
    survives("indirect table at the top of the address space", |a| {
        single(a, |_| (u64::MAX - 15, 64, DESC_INDIRECT))
    }),
    survives("indirect table across the end of a region", |a| {
        single(a, |g| (g.arena().region(0).end() - 16, 64, DESC_INDIRECT))
    }),
    survives("unknown descriptor flags", |a| {
        chain(a, |_, buffer| {
            vec![Descriptor {
                flags: 0xfff8 | DESC_WRITE,
                ..buffer
            }]
        })
    }),
    survives("readable after writable", |a| {
        chain(a, |_, buffer| {
            vec![
                Descriptor {
                    next: 1,
                    flags: DESC_NEXT | DESC_WRITE,
                    ..buffer
                },
                Descriptor { flags: 0, ..buffer },
            ]
        })
    }),
    survives("buffer in unmapped memory", |a| {
        both_ways(a, |_| (UNMAPPED, 64))
    }),
    survives("buffer behind all regions", |a| {
        both_ways(a, |g| (g.arena().region(1).end() + 0x1000, 64))
    }),
    survives("buffer that wraps around", |a| {
        both_ways(a, |_| (u64::MAX - 10, 64))
    }),
    survives("buffer with the top bit set", |a| {
        both_ways(a, |g| (g.arena().region(0).guest_addr() | 1 << 63, 64))
    }),
    survives("buffer across the end of a region", |a| {
        both_ways(a, |g| (g.arena().region(0).end() - 16, 64))
    }),
    survives("buffer that ends with its region", |a| {
        both_ways(a, |g| (g.arena().region(0).end() - 64, 64))
    }),
    survives("buffer of 4 GiB", |a| {
        both_ways(a, |g| (g.arena().region(1).guest_addr(), u32::MAX))
    }),
    survives("buffer of 2 GiB", |a| {
        both_ways(a, |g| (g.arena().region(1).guest_addr(), 1 << 31))
    }),
    survives("lengths whose sum passes 4 GiB", |a| {
        chain(a, |q, buffer| {
            let last = q.size() - 1;
            (0..q.size())
                .map(|i| Descriptor {
                    len: 0x1000_0000,
                    next: if i < last { i + 1 } else { 0 },
                    flags: DESC_WRITE | if i < last { DESC_NEXT } else { 0 },
                    ..buffer
                })
                .collect()
        })
    }),
    survives("empty buffer", |a| {
        both_ways(a, |g| (g.arena().region(1).guest_addr(), 0))
    }),
    survives("empty buffer in unmapped memory", |a| {
        both_ways(a, |_| (UNMAPPED, 0))
    }),
    survives("empty buffer just behind a region", |a| {
        both_ways(a, |g| (g.arena().region(0).end(), 0))
    }),
    survives("chain of nothing but empty buffers", |a| {
        chain(a, |q, buffer| {
            let last = q.size() - 1;
            (0..q.size())
                .map(|i| Descriptor {
                    len: 0,
                    next: if i < last { i + 1 } else { 0 },
                    flags: if i < last { DESC_NEXT } else { 0 },
                    ..buffer
                })
                .collect()
        })
    }),
    survives("nothing to write to", |a| {
        chain(a, |_, buffer| vec![Descriptor { flags: 0, ..buffer }])
    }),
    survives("nothing to read from", |a| {
        chain(a, |_, buffer| {
            vec![Descriptor {
                flags: DESC_WRITE,
                ..buffer
            }]
        })
    }),
    survives("one readable byte", |a| {
        chain(a, |_, buffer| {
            vec![Descriptor {
                flags: 0,
                len: 1,
                ..buffer
            }]
        })
    }),
    survives("one writable byte", |a| {
        chain(a, |_, buffer| {
            vec![Descriptor {
                flags: DESC_WRITE,
                len: 1,
                ..buffer
            }]
        })
    }),
    survives("nonsense to read, plenty to write", |a| {
        let mut guest = a.boot()?;
        let queue = guest.queue(a.queue());
        step("post", queue.post(&[&[0xff; 512]], &[512]))?;
        queue.kick_always();
        Ok(Some(guest))
    }),
    survives("request in one-byte buffers", |a| {
        let mut guest = a.boot()?;
        let readable = a.device.readable.concat();
        let bytes: Vec<&[u8]> = readable.chunks(1).take(30).collect();
        let queue = guest.queue(a.queue());
        step("post", queue.post(&bytes, &[1; 30]))?;
        queue.kick_always();
        Ok(Some(guest))
    }),
    survives("two buffers in the same memory", |a| {
        chain(a, |_, buffer| {
            vec![
                Descriptor {
                    next: 1,
                    flags: DESC_NEXT,
                    ..buffer
                },
                Descriptor {
                    next: 2,
                    flags: DESC_NEXT | DESC_WRITE,
                    ..buffer
                },
                Descriptor {
                    addr: buffer.addr + 1,
                    flags: DESC_WRITE,
                    ..buffer
                },
            ]
        })
    }),
    survives("buffer over the descriptor table", |a| {
        over_ring(a, |q| q.ring().descriptors)
    }),
    survives("buffer over the available ring", |a| {
        over_ring(a, |q| q.ring().available)
    }),
    survives("buffer over the used ring", |a| {
        over_ring(a, |q| q.ring().used)
    }),
    survives("the same head in every slot", |a| {
        let mut guest = a.boot()?;
        let buffer = step("memory", guest.arena().alloc(64, 16))?;
        let queue = guest.queue(a.queue());
        let only = Descriptor {
            addr: buffer,
            len: 64,
            flags: DESC_WRITE,
            next: 0,
        };
        step("ring", queue.write_descriptor(0, only))?;
        for slot in 0..queue.size() {
            step("ring", queue.set_avail_entry(slot, 0))?;
        }
        step("ring", queue.set_avail_idx(queue.size()))?;
        queue.kick_always();
        Ok(Some(guest))
    }),
    survives("a table of random numbers", |a| {
        noise(a, 0x9e37_79b9_7f4a_7c15, false)
    }),
    survives("a table of random buffers in memory", |a| {
        noise(a, 0x2545_f491_4f6c_dd1d, true)
    }),
    survives("another table of random buffers in memory", |a| {
        noise(a, 0xd134_2543_de82_ef95, true)
    }),
    survives("all flags of the available ring", |a| {
        let mut guest = a.boot()?;
        a.post_sample(&mut guest)?;
        let queue = guest.queue(a.queue());
        step("ring", queue.set_avail_flags(u16::MAX))?;
        queue.kick_always();
        Ok(Some(guest))
    }),
    survives("used event far away", |a| {
        let mut guest = a.boot()?;
        let queue = guest.queue(a.queue());
        step("ring", queue.set_used_event(0x7fff))?;
        a.post_sample(&mut guest)?;
        guest.queue(a.queue()).kick_always();
        Ok(Some(guest))
    }),
    survives("used ring scribbled over", |a| {
        let mut guest = a.boot()?;
        let ring = guest.queue(a.queue()).ring();
        step("ring", guest.arena().fill(ring.used, 6 + 8 * 64, 0xa5))?;
        a.post_sample(&mut guest)?;
        guest.queue(a.queue()).kick_always();
        Ok(Some(guest))
    }),
    survives("kicks with nothing to do", |a| {
        let mut guest = a.boot()?;
        for _ in 0..5000 {
            guest.queue(a.queue()).kick_always();
        }
        Ok(Some(guest))
    }),
    survives("kicks of every queue with nothing to do", |a| {
        let mut guest = a.boot()?;
        for index in 0..guest.queues() {
            guest.queue(index).kick_always();
        }
        Ok(Some(guest))
    }),
    survives("every queue broken at once", |a| {
        let mut guest = a.boot()?;
        for index in 0..guest.queues() {
            let queue = guest.queue(index);
            step("ring", queue.set_avail_idx(queue.size() + 7))?;
            queue.kick_always();
        }
        Ok(Some(guest))
    }),
];

fn index(a: &Attempt<'_>, wild: fn(&Queue) -> u16) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let queue = guest.queue(a.queue());
    step("ring", queue.set_avail_idx(wild(queue)))?;
    queue.kick_always();
    Ok(Some(guest))
}

fn head(a: &Attempt<'_>, wild: fn(u16) -> u16) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let queue = guest.queue(a.queue());
    let head = wild(queue.size());
    step("ring", queue.offer(head))?;
    queue.kick_always();
    Ok(Some(guest))
}

fn next(a: &Attempt<'_>, wild: fn(u16) -> u16) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let buffer = step("memory", guest.arena().alloc(64, 16))?;
    let queue = guest.queue(a.queue());
    let descriptor = Descriptor {
        addr: buffer,
        len: 64,
        flags: DESC_NEXT,
        next: wild(queue.size()),
    };
    step("ring", queue.write_descriptor(0, descriptor))?;
    step("ring", queue.offer(0))?;
    queue.kick_always();
    Ok(Some(guest))
}

/// Offers the descriptors that `make` returns as the beginning of the table, with head 0. `make`
/// gets a good writable buffer.
fn chain(
    a: &Attempt<'_>,
    make: fn(&Queue, Descriptor) -> Vec<Descriptor>,
) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let buffer = good_buffer(&guest)?;
    let queue = guest.queue(a.queue());
    for (i, descriptor) in make(queue, buffer).into_iter().enumerate() {
        step("ring", queue.write_descriptor(i as u16, descriptor))?;
    }
    step("ring", queue.offer(0))?;
    queue.kick_always();
    Ok(Some(guest))
}

/// Offers an indirect table: its entries, and length and flags of the descriptor that points to it.
fn table(
    a: &Attempt<'_>,
    make: fn(u64, Descriptor) -> (Vec<Descriptor>, u32, u16),
) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let buffer = good_buffer(&guest)?;
    let arena = guest.arena().clone();
    let at = step("memory", arena.alloc(8192, 16))?;
    let (entries, len, flags) = make(at, buffer);
    for (i, entry) in entries.iter().enumerate() {
        step("table", arena.write(at + 16 * i as u64, &entry.bytes()))?;
    }
    let queue = guest.queue(a.queue());
    let outer = Descriptor {
        addr: at,
        len,
        flags,
        next: 1,
    };
    step("ring", queue.write_descriptor(0, outer))?;
    step("ring", queue.write_descriptor(1, buffer))?;
    step("ring", queue.offer(0))?;
    queue.kick_always();
    Ok(Some(guest))
}

fn single(a: &Attempt<'_>, make: fn(&Guest) -> (u64, u32, u16)) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let (addr, len, flags) = make(&guest);
    let queue = guest.queue(a.queue());
    let descriptor = Descriptor {
        addr,
        len,
        flags,
        next: 0,
    };
    step("ring", queue.write_descriptor(0, descriptor))?;
    step("ring", queue.offer(0))?;
    queue.kick_always();
    Ok(Some(guest))
}

/// The buffer alone in both directions, and behind the device's own readable bytes (so that it is
/// reached by devices which look at those first), and in an indirect table.
fn both_ways(a: &Attempt<'_>, place: fn(&Guest) -> (u64, u32)) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let (addr, len) = place(&guest);
    let arena = guest.arena().clone();
    let mut entry = 0;
    let wild = |flags| Descriptor {
        addr,
        len,
        flags,
        next: 0,
    };
    for flags in [0, DESC_WRITE] {
        let queue = guest.queue(a.queue());
        step("ring", queue.write_descriptor(entry, wild(flags)))?;
        step("ring", queue.offer(entry))?;
        entry += 1;
    }
    let first = entry;
    let queue = guest.queue(a.queue());
    for bytes in a.device.readable {
        let at = step("memory", arena.alloc(bytes.len(), 1))?;
        step("memory", arena.write(at, bytes))?;
        let good = Descriptor {
            addr: at,
            len: bytes.len() as u32,
            flags: DESC_NEXT,
            next: entry + 1,
        };
        step("ring", queue.write_descriptor(entry, good))?;
        entry += 1;
    }
    step("ring", queue.write_descriptor(entry, wild(DESC_WRITE)))?;
    step("ring", queue.offer(first))?;

    let at = step("memory", arena.alloc(16, 16))?;
    step("memory", arena.write(at, &wild(DESC_WRITE).bytes()))?;
    let outer = Descriptor {
        addr: at,
        len: 16,
        flags: DESC_INDIRECT,
        next: 0,
    };
    step("ring", queue.write_descriptor(entry + 1, outer))?;
    step("ring", queue.offer(entry + 1))?;
    queue.kick_always();
    Ok(Some(guest))
}

fn over_ring(a: &Attempt<'_>, place: fn(&Queue) -> u64) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let queue = guest.queue(a.queue());
    let over = Descriptor {
        addr: place(queue),
        len: 64,
        flags: DESC_WRITE,
        next: 0,
    };
    for entry in 0..8 {
        step("ring", queue.write_descriptor(entry, over))?;
        step("ring", queue.offer(entry))?;
    }
    queue.kick_always();
    Ok(Some(guest))
}

/// Fills the table from a fixed pseudo-random sequence and offers all of it.
fn noise(a: &Attempt<'_>, seed: u64, in_memory: bool) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let base = step("memory", guest.arena().alloc(64 * 1024, 4096))?;
    let queue = guest.queue(a.queue());
    let mut state = seed;
    let mut random = move || {
        // xorshift64: any sequence does, if it is the same each time.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for entry in 0..queue.size() {
        let (addr, len, flags, next) = (random(), random(), random(), random());
        let descriptor = if in_memory {
            Descriptor {
                addr: base + addr % (60 * 1024),
                len: (len % 4096) as u32,
                flags: flags as u16 & 7,
                next: next as u16 % queue.size(),
            }
        } else {
            Descriptor {
                addr,
                len: len as u32,
                flags: flags as u16,
                next: next as u16,
            }
        };
        step("ring", queue.write_descriptor(entry, descriptor))?;
    }
    for head in 0..queue.size() {
        step("ring", queue.offer(head))?;
    }
    queue.kick_always();
    Ok(Some(guest))
}

fn good_buffer(guest: &Guest) -> Result<Descriptor, String> {
    Ok(Descriptor {
        addr: step("memory", guest.arena().alloc(256, 16))?,
        len: 64,
        flags: DESC_WRITE,
        next: 0,
    })
}
