// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A driver that writes anything into its ring, and a device that does anything with the requests.
//!
//! The input is a setting of the ring, then steps of driver and device in turn (`Step`). What a
//! queue hands out is compared with a second, naive reading of the same descriptors; what it gives
//! back is compared with what the device wrote.

#![no_main]

use std::cell::OnceCell;
use std::fs::File;
use std::io::{Read, Write};
use std::sync::Arc;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use virtio_device::memory::{GuestAddress, MappedRegion, Memory, Tracking};
use virtio_device::{Chain, GuestFaults, Queue, RingConfig};

/// Two regions that touch, and one for itself.
const REGIONS: [(u64, usize); 3] = [(0, 0x8000), (0x8000, 0x8000), (0x2_0000, 0x1000)];

const DESCRIPTORS: u64 = 0;
const AVAILABLE: u64 = 0x1000;
const USED: u64 = 0x2000;

const NEXT: u16 = 1;
const WRITE: u16 = 2;
const INDIRECT: u16 = 4;

/// One execution must end soon.
const MAX_STEPS: usize = 256;
/// The most that the device takes into its own memory for one step.
const MAX_BYTES: usize = 0x1_8000;

thread_local! {
    static MEMORY: OnceCell<Arc<Memory>> = const { OnceCell::new() };
}

/// The memory, all zeros. It is mapped once: a mapping for each execution would take most of the
/// time.
fn memory() -> Arc<Memory> {
    let memory = MEMORY.with(|cell| {
        let map = || {
            let tracking = Tracking::new();
            let regions = REGIONS.map(|(base, size)| {
                MappedRegion::anonymous(size, GuestAddress(base), &tracking).expect("memory")
            });
            Arc::new(Memory::new(regions.into()).expect("no overlap"))
        };
        cell.get_or_init(map).clone()
    });
    for (base, size) in REGIONS {
        memory.write(base, &vec![0; size]).expect("mapped");
    }
    memory
}

/// The driver, which may as well be mad.
struct Driver {
    memory: Arc<Memory>,
    config: RingConfig,
    next: u16,
}

impl Driver {
    fn word<const N: usize>(&self, addr: u64) -> [u8; N] {
        let mut bytes = [0; N];
        // Where nothing is mapped there is no ring, and nobody asks for this.
        let _ = self.memory.read(addr, &mut bytes);
        bytes
    }

    fn write(&self, addr: u64, bytes: &[u8]) {
        let _ = self.memory.write(addr, bytes);
    }

    fn descriptor(&self, u: &mut Unstructured<'_>) -> Result<[u8; 16]> {
        let flags: u8 = u.arbitrary()?;
        let addr = match flags >> 6 {
            0 | 1 => u64::from(u.arbitrary::<u16>()?),
            2 => 0x2_0000 + u64::from(u.arbitrary::<u16>()?),
            _ => u.arbitrary()?,
        };
        let len = if flags & 0x20 == 0 {
            u32::from(u.arbitrary::<u16>()?)
        } else {
            u.arbitrary()?
        };
        let next = u16::from(u.arbitrary::<u8>()?);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&addr.to_le_bytes());
        bytes[8..12].copy_from_slice(&len.to_le_bytes());
        bytes[12..14].copy_from_slice(&u16::from(flags & 0x1f).to_le_bytes());
        bytes[14..].copy_from_slice(&next.to_le_bytes());
        Ok(bytes)
    }

    fn offer(&mut self, head: u16) {
        let entry = u64::from(self.next & (self.config.size - 1));
        self.write(
            self.config.available.wrapping_add(4 + 2 * entry),
            &head.to_le_bytes(),
        );
        self.next = self.next.wrapping_add(1);
        self.publish();
    }

    fn publish(&self) {
        self.write(
            self.config.available.wrapping_add(2),
            &self.next.to_le_bytes(),
        );
    }

    /// Readable and writable bytes of the chain at `head`, read by the book (VIRTIO 1.3, 2.7.5).
    fn measure(&self, head: u16) -> Option<(u64, u64)> {
        let size = u64::from(self.config.size);
        let (mut base, mut entries, mut inner) = (self.config.descriptors, size, false);
        let (mut readable, mut writable, mut steps) = (0u64, 0u64, 0);
        let mut index = u64::from(head);
        loop {
            if index >= entries || steps == entries.min(1024) {
                return None;
            }
            steps += 1;
            let at = base + 16 * index;
            let addr = u64::from_le_bytes(self.word(at));
            let len = u32::from_le_bytes(self.word(at + 8));
            let flags = u16::from_le_bytes(self.word(at + 12));
            if flags & INDIRECT != 0 {
                let whole = len != 0 && len % 16 == 0;
                if inner || !self.config.indirect || flags & NEXT != 0 || !whole {
                    return None;
                }
                let table = u64::from(len / 16).min(1024);
                if !self.memory.contains(addr, 16 * table) {
                    return None;
                }
                (base, entries, inner, index, steps) = (addr, table, true, 0, 0);
                continue;
            }
            if len > 0 {
                let len = u64::from(len);
                if !self.memory.contains(addr, len) {
                    return None;
                }
                match flags & WRITE {
                    0 if writable > 0 => return None,
                    0 => readable += len,
                    _ => writable += len,
                }
                if readable + writable > 1 << 32 {
                    return None;
                }
            }
            if flags & NEXT == 0 {
                return Some((readable, writable));
            }
            index = u64::from(u16::from_le_bytes(self.word(at + 14)));
        }
    }
}

/// The device with the requests that it has not answered.
struct Held {
    chain: Chain,
    room: u64,
}

fn ring(u: &mut Unstructured<'_>) -> Result<RingConfig> {
    let flags: u8 = u.arbitrary()?;
    let size = 1 << (flags & 7);
    let index = if flags & 8 == 0 { 0 } else { u.arbitrary()? };
    let mut config = RingConfig {
        size,
        descriptors: DESCRIPTORS,
        available: AVAILABLE,
        used: USED,
        next_available: index,
        next_used: (flags & 0x10 == 0).then_some(index),
        event_idx: flags & 0x20 != 0,
        indirect: flags & 0x40 != 0,
    };
    if flags & 0x80 != 0 {
        config.descriptors = u.arbitrary()?;
        config.available = u.arbitrary()?;
        config.used = u.arbitrary()?;
        config.size = u.arbitrary()?;
    }
    Ok(config)
}

fn run(data: &[u8]) -> Result<()> {
    let u = &mut Unstructured::new(data);
    let config = ring(u)?;
    let mut driver = Driver {
        memory: memory(),
        config,
        next: config.next_available,
    };
    let faults = Arc::new(GuestFaults::new("fuzz"));
    let queue = Queue::new(0, config, driver.memory.clone(), Box::new(()), faults);
    let Ok(mut queue) = queue else {
        return Ok(());
    };
    let zero = File::open("/dev/zero").expect("/dev/zero");
    let null = File::options()
        .write(true)
        .open("/dev/null")
        .expect("/dev/null");
    let plain = config.used == USED;
    let mut held: Vec<Held> = Vec::new();
    let mut away: usize = 0;

    for _ in 0..MAX_STEPS {
        if u.is_empty() {
            break;
        }
        let step: u8 = u.arbitrary()?;
        let pick = usize::from(step >> 4);
        match step & 0xf {
            // The driver.
            0 => {
                let index = u64::from(u.arbitrary::<u8>()?);
                let descriptor = driver.descriptor(u)?;
                driver.write(config.descriptors.wrapping_add(16 * index), &descriptor);
            }
            1 => {
                let at = u64::from(u.arbitrary::<u16>()?);
                let descriptor = driver.descriptor(u)?;
                driver.write(at, &descriptor);
            }
            2 => {
                let at = u64::from(u.arbitrary::<u16>()?);
                let bytes = u.bytes(pick.min(u.len()))?;
                driver.write(at, bytes);
            }
            3 => {
                let head = u16::from(u.arbitrary::<u8>()?);
                driver.offer(head);
            }
            4 => {
                driver.next = u.arbitrary()?;
                driver.publish();
            }
            5 => driver.write(
                config
                    .available
                    .wrapping_add(4 + 2 * u64::from(config.size)),
                &u.arbitrary::<u16>()?.to_le_bytes(),
            ),
            // The device.
            6 | 7 => {
                queue.begin_turn();
                for _ in 0..=pick {
                    let Some(chain) = queue.pop() else {
                        break;
                    };
                    let found = (chain.readable_len(), chain.writable_len());
                    assert_eq!(Some(found), driver.measure(chain.head()), "{chain:?}");
                    held.push(Held {
                        room: found.1,
                        chain,
                    });
                }
                assert!(queue.in_flight() <= queue.size());
            }
            8 => {
                if let Some(peek) = queue.peek() {
                    let again = queue.pop().expect("what was peeked at is still there");
                    assert_eq!(peek.readable_len, again.readable_len());
                    assert_eq!(peek.writable_len, again.writable_len());
                    queue.put_back(again).expect("it was the last one");
                }
            }
            9 | 10 if !held.is_empty() => {
                let index = pick % held.len();
                handle(&mut held[index], u, &zero, &null)?;
            }
            11 if !held.is_empty() => {
                let done = held.swap_remove(pick % held.len());
                let (head, len, at) = (done.chain.head(), done.chain.written(), queue.next_used());
                assert!(len <= done.room);
                let broken = queue.fault().is_some();
                queue.complete(done.chain);
                if plain && !broken {
                    let entry = USED + 4 + 8 * u64::from(at & (config.size - 1));
                    assert_eq!(u32::from_le_bytes(driver.word(entry)), u32::from(head));
                    let told = u32::from_le_bytes(driver.word(entry + 4));
                    assert_eq!(u64::from(told), len.min(u64::from(u32::MAX)));
                }
            }
            12 if !held.is_empty() => {
                let done = held.swap_remove(pick % held.len());
                away += 1;
                if pick & 1 == 0 {
                    done.chain.finish();
                } else {
                    drop(done.chain);
                }
            }
            13 if !held.is_empty() => {
                let last = held.swap_remove(pick % held.len());
                if let Err(chain) = queue.put_back(last.chain) {
                    held.push(Held { chain, ..last });
                }
            }
            14 => {
                queue.collect();
                away = 0;
                queue.flush();
            }
            15 => {
                if pick & 1 == 0 {
                    queue.disable_notification();
                } else {
                    let _ = queue.enable_notification();
                }
                let _ = queue.has_news();
            }
            _ => {}
        }
        let known = held.len() + away;
        // A pop collects by itself when the queue is full.
        assert!(usize::from(queue.in_flight()) <= known);
        assert!(usize::from(queue.in_flight()) >= held.len());
    }

    queue.collect();
    for left in held {
        queue.complete(left.chain);
    }
    queue.flush();
    assert_eq!(queue.in_flight(), 0);
    Ok(())
}

/// Reads and writes, each within its bounds.
fn handle(held: &mut Held, u: &mut Unstructured<'_>, zero: &File, null: &File) -> Result<()> {
    let Held { chain, room } = held;
    let what: u8 = u.arbitrary()?;
    let count = u64::from(u.arbitrary::<u16>()?);
    let mut bytes = vec![0x5a; (count as usize).min(MAX_BYTES)];
    let len = bytes.len() as u64;
    let (readable, writable) = (chain.readable_len(), chain.writable_len());
    match what % 11 {
        0 => assert_eq!(chain.read(&mut bytes) as u64, len.min(readable)),
        1 => assert_eq!(chain.read_exact(&mut bytes).is_ok(), len <= readable),
        2 => assert_eq!(chain.write(&bytes) as u64, len.min(writable)),
        3 => assert_eq!(chain.write_all(&bytes).is_ok(), len <= writable),
        4 => {
            let offset = if what & 0x80 == 0 {
                u64::from(u.arbitrary::<u16>()?)
            } else {
                u.arbitrary()?
            };
            let fits = offset.checked_add(len).is_some_and(|end| end <= *room);
            // Nothing at all may be written anywhere.
            assert!(chain.write_at(offset, &bytes).is_ok() == fits || len == 0);
        }
        5 => assert_eq!(chain.skip(count).is_ok(), count <= readable),
        6 => {
            let done = chain
                .fill_random(count)
                .expect("the kernel has random bytes");
            assert_eq!(done, count.min(writable));
        }
        7 => {
            let done = chain.fill_from(zero, None, count).expect("/dev/zero");
            assert!(done as u64 <= count.min(writable));
        }
        8 => {
            let done = chain.drain_to(null, None, count).expect("/dev/null");
            assert!(done as u64 <= count.min(readable));
        }
        9 => {
            let _ = chain.read_obj::<u64>();
            let _ = chain.write_obj(&count);
        }
        _ => {
            let mut all = Vec::new();
            chain
                .take(MAX_BYTES as u64)
                .read_to_end(&mut all)
                .expect("memory");
            chain.flush().expect("nothing to do");
        }
    }
    assert!(chain.readable_len() <= readable && chain.writable_len() <= writable);
    assert!(chain.written() <= *room);
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    // An input that ends too early has been tried as far as it goes.
    let _ = run(data);
});
