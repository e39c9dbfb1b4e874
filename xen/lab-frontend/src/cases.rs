// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The layouts of memory, and what a guest or a frontend does wrong.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use virtio_guest::{Arena, Daemon, Guest, Queue, Region, wire};

use crate::Result;
use crate::devices::{Device, Request, TIMEOUT};
use crate::domain::{self, Domain};
use crate::memory::{self, Granted};

/// Pages of guest memory. The kernel of dom0 would grant 1024 unless told otherwise.
const DATA: usize = 512;
const RINGS: usize = 32;

/// Behind everything that a kernel ever granted: Xen gives no domain as many.
const NEVER: u32 = 0x00f0_0000;

const ON_ACCESS: u32 = wire::xen::GRANT | wire::xen::NO_ADVANCE_MAP;

pub(crate) struct Setting<'a> {
    pub device: &'a Device,
    pub daemons: &'a Path,
    pub domain: Option<&'a Domain>,
}

pub(crate) struct Case {
    pub name: &'static str,
    /// Only where somebody asks for it by its name.
    pub aside: bool,
    pub run: fn(&Setting<'_>) -> Result<String>,
}

const fn case(name: &'static str, run: fn(&Setting<'_>) -> Result<String>) -> Case {
    Case {
        name,
        aside: false,
        run,
    }
}

pub(crate) const CASES: &[Case] = &[
    case("unix", |on| {
        on.exercise(&Arena::new(2 << 20, 2, false)?, &[])
    }),
    case("advance", |on| on.exercise(&advance()?, &[])),
    case("split", |on| on.exercise(&split()?.0, &[])),
    case("split-cached", |on| {
        on.exercise(&split()?.0, &["--xen-grant-cache", "256"])
    }),
    case("bad-grant", bad_grant),
    case("revoked-grant", revoked_grant),
    case("ring-on-access", ring_on_access),
    case("bad-region", bad_region),
    case("cache-ends", cache_ends),
    case("foreign", |on| on.exercise(&foreign(on)?, &[])),
    case("foreign-hole", foreign_hole),
    case("ring-in-hole", ring_in_hole),
    Case {
        aside: true,
        ..case("cost", cost)
    },
];

fn advance() -> Result<Arc<Arena>> {
    let granted = Granted::run(DATA)?;
    let region = granted.region(0, DATA, wire::xen::GRANT)?;
    Ok(Arena::of_regions(&[region], None)?)
}

/// Rings in grants that are mapped in advance, data in grants that are mapped at each access.
fn split() -> Result<(Arc<Arena>, Arc<Granted>)> {
    let granted = Granted::run(RINGS + 1 + DATA)?;
    let rings = granted.region(0, RINGS, wire::xen::GRANT)?;
    // One page is left out: an allocation must not lie in both.
    let data = granted.region(RINGS + 1, DATA, ON_ACCESS)?;
    let arena = Arena::of_regions(&[rings.clone(), data], Some(&rings))?;
    Ok((arena, granted))
}

impl Setting<'_> {
    fn daemon(&self, args: &[&str]) -> Result<Daemon> {
        (self.device.prepare)()?;
        let program = self
            .daemons
            .join(format!("vhost-device-{}", self.device.name));
        Ok(Daemon::builder(program)
            .args(self.device.args)
            .args(args)
            .spawn()?)
    }

    fn boot(&self, daemon: &Daemon, arena: &Arc<Arena>) -> Result<Guest> {
        Ok(Guest::builder(daemon.path())
            .arena(arena.clone())
            .queue_size(32)
            .features(FEATURES)
            .timeout(TIMEOUT)
            .boot()?)
    }

    /// The device does its work in this memory.
    fn exercise(&self, arena: &Arc<Arena>, args: &[&str]) -> Result<String> {
        let mut daemon = self.daemon(args)?;
        self.with_log(&mut daemon, |on, daemon| {
            let mut guest = on.boot(daemon, arena)?;
            (on.device.exercise)(&mut guest, daemon)
        })
    }

    /// What the daemon said goes with a failure; and it must not have ended by itself.
    fn with_log(
        &self,
        daemon: &mut Daemon,
        run: impl FnOnce(&Self, &Daemon) -> Result<String>,
    ) -> Result<String> {
        let result = run(self, daemon);
        let alive = daemon.exit_status();
        let said = daemon.stderr();
        let last: Vec<_> = said.lines().rev().take(4).collect();
        match (result, alive) {
            (Ok(text), None) if !said.contains("panicked") => Ok(text),
            (Ok(_), None) => Err(format!("the daemon panicked: {last:?}").into()),
            (Ok(_), Some(status)) => Err(format!("the daemon ended: {status}, {last:?}").into()),
            (Err(error), None) => Err(format!("{error}; the daemon says {last:?}").into()),
            (Err(error), Some(status)) => {
                Err(format!("{error}; the daemon ended: {status}, {last:?}").into())
            }
        }
    }

    /// A request with its data in a page that cannot be mapped is answered, and the very same
    /// connection goes on.
    fn survives(
        &self,
        arena: &Arc<Arena>,
        args: &[&str],
        bad: u64,
        before: impl FnOnce(&mut Guest) -> Result<()>,
    ) -> Result<String> {
        let mut daemon = self.daemon(args)?;
        self.with_log(&mut daemon, |on, daemon| {
            let mut guest = on.boot(daemon, arena)?;
            before(&mut guest)?;
            let queue = guest.queue(on.device.queue);
            let room = arena.alloc(ROOM, 16)?;
            for _ in 0..3 {
                for request in (on.device.requests)(bad, room) {
                    let (written, bytes) = make(queue, arena, &request, room)?;
                    if !(on.device.refused)(written, &bytes) {
                        let answer = &bytes[..16];
                        return Err(format!("{written} bytes came of it: {answer:x?}").into());
                    }
                }
            }
            let text = (on.device.exercise)(&mut guest, daemon)?;
            expect_said(daemon, "cannot be mapped")?;
            Ok(format!("answered; then {text}"))
        })
    }

    /// A connection with this memory ends before a ring runs, the log says why, and the next one is
    /// served.
    fn refuses(&self, arena: &Arc<Arena>, why: &str) -> Result<String> {
        let mut daemon = self.daemon(&[])?;
        self.with_log(&mut daemon, |on, daemon| {
            if on.boot(daemon, arena).is_ok() {
                return Err("it was accepted".into());
            }
            expect_said(daemon, why)?;
            let mut guest = on.boot(daemon, &split()?.0)?;
            let text = (on.device.exercise)(&mut guest, daemon)?;
            Ok(format!("refused; the next connection: {text}"))
        })
    }
}

/// Makes a request, and returns how much was written and what is in the room for the answer.
fn make(
    queue: &mut Queue,
    arena: &Arena,
    request: &Request,
    room: u64,
) -> Result<(usize, Vec<u8>)> {
    arena.fill(room, ROOM, 0)?;
    arena.write(room, &request.room)?;
    let token = queue.post_chain(&request.segments)?;
    queue.kick()?;
    let written = queue.wait_for(token)?.written();
    Ok((written, arena.read_vec(room, ROOM)?))
}

/// Room for an answer, and for what goes to the device beside it.
const ROOM: usize = 256;

/// Of the socket device: streams. The others negotiate nothing.
const FEATURES: u64 = 1;

fn expect_said(daemon: &Daemon, what: &str) -> Result<()> {
    let end = Instant::now() + TIMEOUT;
    while !daemon.stderr().contains(what) {
        if Instant::now() > end {
            return Err(format!("the daemon never says {what:?}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A guest names a reference that nobody granted.
fn bad_grant(on: &Setting<'_>) -> Result<String> {
    let granted = Granted::run(DATA)?;
    let good = granted.region(0, DATA, wire::xen::GRANT)?;
    let bad = memory::unseen(NEVER, 4, ON_ACCESS)?;
    let arena = Arena::of_regions(&[good.clone(), bad.clone()], Some(&good))?;
    let at = bad.guest_addr() + 100;
    // Data goes to the good region as well: the bad one is only what is named on purpose.
    let arena = keep_off(arena, &bad)?;
    on.survives(&arena, &[], at, |_| Ok(()))
}

/// Takes all of a region, so that nothing else is laid into it.
fn keep_off(arena: Arc<Arena>, region: &Arc<Region>) -> Result<Arc<Arena>> {
    let regions: Vec<_> = arena.regions();
    let arena = Arena::of_regions(&regions, None)?;
    arena.alloc_in(region, region.size(), 1)?;
    Ok(arena)
}

/// A guest ends a grant that it announced, after it was used.
fn revoked_grant(on: &Setting<'_>) -> Result<String> {
    let granted = Granted::run(DATA + 2)?;
    let good = granted.region(0, DATA, wire::xen::GRANT)?;
    // Where the frontend itself has it mapped, the kernel would wait for that to end.
    let lent = memory::unseen(granted.reference(DATA + 1), 1, ON_ACCESS)?;
    let arena = Arena::of_regions(&[good, lent.clone()], None)?;
    arena.alloc_in(&lent, lent.size(), 1)?;
    on.survives(&arena, &[], lent.guest_addr(), |guest| {
        let room = arena.alloc(ROOM, 16)?;
        let queue = guest.queue(on.device.queue);
        let requests = (on.device.requests)(lent.guest_addr(), room);
        let (written, _) = make(queue, &arena, &requests[0], room)?;
        // Only where data goes to the guest does it show that the page was there.
        if on.device.name == "rng" && written == 0 {
            return Err("the page is not there from the start".into());
        }
        granted.revoke(DATA + 1)
    })
}

/// A frontend puts a ring where nothing stays mapped: that connection ends, with a reason, before an
/// index is read; the next is served.
fn ring_on_access(on: &Setting<'_>) -> Result<String> {
    let granted = Granted::run(DATA)?;
    let wrong = Arena::of_regions(&[granted.region(0, DATA, ON_ACCESS)?], None)?;
    on.refuses(&wrong, "rings need grants that are mapped in advance")
}

/// A frontend announces grants that nobody made, to be mapped in advance.
fn bad_region(on: &Setting<'_>) -> Result<String> {
    let good = Granted::run(DATA)?.region(0, DATA, wire::xen::GRANT)?;
    let bad = memory::unseen(NEVER, 4, wire::xen::GRANT)?;
    let why = format!("bytes at {:#x} of Xen domain 0", bad.guest_addr());
    let arena = Arena::of_regions(&[good.clone(), bad], Some(&good))?;
    on.refuses(&arena, &why)
}

/// Pages stay mapped after an access, and no longer than until a ring stops or their region goes.
fn cache_ends(on: &Setting<'_>) -> Result<String> {
    // Fewer than any device's work goes through.
    const PAGES: usize = 4;
    let mut daemon = on.daemon(&["--xen-grant-cache", &PAGES.to_string()])?;
    on.with_log(&mut daemon, |on, daemon| {
        let kept_until = |end: fn(&mut Guest, u16) -> Result<()>| {
            let (arena, _granted) = split()?;
            let mut guest = on.boot(daemon, &arena)?;
            let before = mapped(daemon)?;
            (on.device.exercise)(&mut guest, daemon)?;
            let kept = mapped(daemon)?.saturating_sub(before);
            end(&mut guest, on.device.queue)?;
            let after = mapped(daemon)?.saturating_sub(before);
            if kept == 0 || kept > PAGES || after != 0 {
                return Err(format!("{kept} pages were kept, {after} after the end").into());
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(kept)
        };
        let first = kept_until(|guest, queue| Ok(guest.stop_queue(queue).map(drop)?))?;
        let second = kept_until(|guest, _| {
            let data = guest.arena().region(1).guest_addr();
            Ok(guest.remove_region(data)?)
        })?;
        Ok(format!(
            "{first} and {second} of at most {PAGES} pages kept, none after a ring stopped or a region went"
        ))
    })
}

/// Pages of grants that a daemon has mapped.
fn mapped(daemon: &Daemon) -> Result<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", daemon.pid()))?;
    let bytes = maps
        .lines()
        .filter(|line| line.contains("/dev/xen/gntdev"))
        .filter_map(|line| {
            let (start, end) = line.split_whitespace().next()?.split_once('-')?;
            let number = |hex| usize::from_str_radix(hex, 16).ok();
            Some(number(end)? - number(start)?)
        })
        .sum::<usize>();
    Ok(bytes / virtio_guest::PAGE as usize)
}

/// All of another domain's memory.
fn foreign(on: &Setting<'_>) -> Result<Arc<Arena>> {
    let domain = on.domain.ok_or("there is no other domain")?;
    let (region, missing) = memory::foreign(domain.id, domain.frame, domain::PAGES)?;
    if !missing.is_empty() {
        return Err(format!("the domain lacks {} pages", missing.len()).into());
    }
    Ok(Arena::of_regions(&[region], None)?)
}

/// Pages that [`with_hole`] announces behind all that the domain has.
const BEHIND: usize = 4;
const HOLE: u64 = BEHIND as u64 * virtio_guest::PAGE;

/// A region whose last pages are none of the domain's, and where those are.
fn with_hole(on: &Setting<'_>) -> Result<(Arc<Region>, u64)> {
    let domain = on.domain.ok_or("there is no other domain")?;
    let pages = domain::PAGES + BEHIND;
    let (region, missing) = memory::foreign(domain.id, domain.frame, pages)?;
    if missing != [512, 513, 514, 515] {
        return Err(format!("the domain lacks pages {missing:?}, not those behind it").into());
    }
    let hole = region.end() - HOLE;
    Ok((region, hole))
}

/// The region is served, but not the pages that are not there.
fn foreign_hole(on: &Setting<'_>) -> Result<String> {
    let (region, hole) = with_hole(on)?;
    let arena = Arena::of_regions(&[region], None)?;
    arena.keep(hole, HOLE);
    // The first byte is there and the last is not.
    on.survives(&arena, &[], hole - 32, |_| Ok(()))
}

/// A ring is where the domain has no pages.
fn ring_in_hole(on: &Setting<'_>) -> Result<String> {
    let (region, hole) = with_hole(on)?;
    let arena = Arena::of_regions(std::slice::from_ref(&region), None)?;
    arena.keep(region.guest_addr(), hole - region.guest_addr());
    on.refuses(&arena, "lies in pages that the other domain does not have")
}

/// What a request of 4 KiB takes in each layout, 32 at a time over 64 pages in turn; and the daemon of the mmap
/// variant, if it is there.
fn cost(on: &Setting<'_>) -> Result<String> {
    const REQUESTS: usize = 2048;
    const PAGES: usize = 64;
    /// As many as the ring has room for: what a wake-up costs is not what is asked.
    const BATCH: usize = 32;
    if on.device.name != "rng" {
        return Ok("only rng has a driver for it".to_owned());
    }
    let unix = Arena::new(2 << 20, 2, false)?;
    let split = split()?.0;
    let other = Setting {
        daemons: &on.daemons.join("mmap"),
        ..*on
    };
    let mut runs = vec![
        ("unix", on, unix.clone(), vec![]),
        ("advance", on, advance()?, vec![]),
        ("split", on, split.clone(), vec![]),
        ("split-cached", on, split, vec!["--xen-grant-cache", "64"]),
        ("foreign", on, foreign(on)?, vec![]),
    ];
    if other.daemons.exists() {
        runs.insert(0, ("mmap", &other, unix, vec![]));
    }
    let mut told = Vec::new();
    for (name, on, arena, args) in runs {
        let daemon = on.daemon(&args)?;
        let mut guest = on.boot(&daemon, &arena)?;
        let buffers = (0..PAGES)
            .map(|_| arena.alloc(4096, 4096))
            .collect::<Result<Vec<_>, _>>()?;
        let mut rounds = Vec::new();
        for round in 0..=REQUESTS / PAGES {
            let start = Instant::now();
            for part in buffers.chunks(BATCH) {
                let queue = guest.queue(0);
                for buffer in part {
                    queue.post_chain(&[virtio_guest::Segment {
                        addr: *buffer,
                        len: 4096,
                        writable: true,
                    }])?;
                }
                queue.kick()?;
                for reply in queue.wait_all(TIMEOUT)? {
                    if reply.written() != 4096 {
                        return Err(format!("{name}: not all came").into());
                    }
                }
            }
            // The first is there to have been once at each page.
            if round > 0 {
                rounds.push(start.elapsed());
            }
        }
        // The median: the machine may have other things to do now and then.
        rounds.sort_unstable();
        let median = rounds[rounds.len() / 2];
        let each = median.as_secs_f64() * 1e6 / PAGES as f64;
        told.push(format!("{name} {each:.0} us"));
        buffers.into_iter().for_each(|buffer| arena.free(buffer));
    }
    Ok(told.join(", "))
}
