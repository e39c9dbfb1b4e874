// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Where rings stand, how they start and stop, and what rings their bells.

use std::{
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use rustix::{event::EventfdFlags, pipe::PipeFlags};

use super::{Attempt, Case, PATIENCE, may_end, refused, step, survives};
use crate::{
    Error, Guest, Signal, user_addr,
    wire::{self, VringAddr, protocol, request},
};

/// A user address that belongs to no region.
const NOWHERE: u64 = 0x1234_5670_0000;

pub(super) const CASES: &[Case] = &[
    may_end("descriptor table in unmapped memory", |a| {
        misplaced(a, |_, addr| addr.descriptors = NOWHERE)
    }),
    may_end("available ring in unmapped memory", |a| {
        misplaced(a, |_, addr| addr.available = NOWHERE)
    }),
    may_end("used ring in unmapped memory", |a| {
        misplaced(a, |_, addr| addr.used = NOWHERE)
    }),
    may_end("ring at the top of the address space", |a| {
        misplaced(a, |_, addr| {
            addr.descriptors = u64::MAX - 15;
            addr.available = u64::MAX - 15;
            addr.used = u64::MAX - 15;
        })
    }),
    may_end("misaligned descriptor table", |a| {
        misplaced(a, |_, addr| addr.descriptors += 8)
    }),
    may_end("misaligned available ring", |a| {
        misplaced(a, |_, addr| addr.available += 1)
    }),
    may_end("misaligned used ring", |a| {
        misplaced(a, |_, addr| addr.used += 2)
    }),
    may_end("descriptor table across the end of its region", |a| {
        misplaced(a, |g, addr| addr.descriptors = end_of_memory(g) - 16)
    }),
    may_end("available ring across the end of its region", |a| {
        misplaced(a, |g, addr| addr.available = end_of_memory(g) - 16)
    }),
    may_end("used ring across the end of its region", |a| {
        misplaced(a, |g, addr| addr.used = end_of_memory(g) - 16)
    }),
    may_end("all parts of the ring in one place", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        step("stop", guest.stop_queue(index))?;
        let mut ring = guest.queue(index).ring();
        ring.available = ring.descriptors;
        ring.used = ring.descriptors;
        guest.queue(index).set_ring(ring);
        // Nonsense, but inside the guest's own memory: to be refused or to be survived.
        if guest.start_queue(index, 0).is_ok() {
            step("ring", guest.queue(index).offer(0))?;
            guest.queue(index).kick_always();
        }
        Ok(Some(guest))
    }),
    may_end("queue of 0 entries", |a| size(a, 0)),
    may_end("queue of 3 entries", |a| size(a, 3)),
    may_end("queue of 65535 entries", |a| size(a, 65535)),
    may_end("queue of 65536 entries", |a| size(a, 65536)),
    may_end("queue of 4 billion entries", |a| size(a, u32::MAX)),
    may_end("queue of 32768 entries", |a| {
        let mut guest = a.boot()?;
        step("stop", guest.stop_queue(a.queue()))?;
        // Legal, but more than this ring's memory has: whatever the answer, nobody may be hurt.
        let _ = guest.set_vring_num(a.queue(), 32768);
        let _ = guest.set_vring_addr(a.queue());
        let _ = guest.send_kick(a.queue());
        let _ = guest.enable_queue(a.queue(), true);
        guest.queue(a.queue()).kick_always();
        Ok(Some(guest))
    }),
    may_end("base beyond sixteen bits", |a| {
        let mut guest = a.boot()?;
        step("stop", guest.stop_queue(a.queue()))?;
        let _ = guest.set_vring_base(a.queue(), 0x1_0000);
        let _ = guest.send_kick(a.queue());
        guest.queue(a.queue()).kick_always();
        Ok(Some(guest))
    }),
    survives("base far from the available index", |a| {
        let mut guest = a.boot()?;
        step("stop", guest.stop_queue(a.queue()))?;
        step("start", guest.start_queue(a.queue(), 0x4321))?;
        guest.queue(a.queue()).kick_always();
        Ok(Some(guest))
    }),
    survives("ring that starts just before the wrap", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        step("stop", guest.stop_queue(index))?;
        let queue = guest.queue(index);
        step("ring", queue.reset())?;
        let base = u16::MAX - 1;
        queue.set_next_avail(base);
        queue.set_last_used(base);
        step("ring", queue.set_avail_idx(base))?;
        let used = queue.ring().used;
        step("ring", guest.arena().store_u16(used + 2, base))?;
        // As the device would have left it, when it last asked for a kick.
        let event = used + 4 + 8 * u64::from(guest.queue(index).size());
        step("ring", guest.arena().store_u16(event, base))?;
        step("start", guest.start_queue(index, base))?;
        for _ in 0..4 {
            (a.device.request)(&mut guest)?;
        }
        Ok(Some(guest))
    }),
    may_end("base of a running queue", |a| {
        while_running(a, request::SET_VRING_BASE, 7)
    }),
    may_end("size of a running queue", |a| {
        while_running(a, request::SET_VRING_NUM, 8)
    }),
    may_end("addresses of a running queue", |a| {
        let mut guest = a.boot()?;
        a.post_many(&mut guest, 16)?;
        guest.queue(a.queue()).kick_always();
        let mut addr = guest.vring_addr(a.queue());
        addr.used = addr.descriptors;
        let _ = guest
            .frontend()
            .tell(request::SET_VRING_ADDR, &addr.bytes(), &[]);
        guest.queue(a.queue()).kick_always();
        Ok(Some(guest))
    }),
    may_end("SET_VRING_NUM of a queue that is not there", |a| {
        no_such_state(a, request::SET_VRING_NUM, 64)
    }),
    may_end("SET_VRING_BASE of a queue that is not there", |a| {
        no_such_state(a, request::SET_VRING_BASE, 0)
    }),
    may_end("SET_VRING_ENABLE of a queue that is not there", |a| {
        no_such_state(a, request::SET_VRING_ENABLE, 1)
    }),
    may_end("SET_VRING_ADDR of a queue that is not there", |a| {
        no_such(a, |guest, index| {
            let addr = VringAddr {
                index,
                ..guest.vring_addr(0)
            };
            guest
                .frontend()
                .tell(request::SET_VRING_ADDR, &addr.bytes(), &[])
        })
    }),
    may_end("GET_VRING_BASE of a queue that is not there", |a| {
        no_such(a, |guest, index| {
            let payload = wire::vring_state(index, 0);
            guest
                .frontend()
                .ask(request::GET_VRING_BASE, &payload, &[])
                .map(drop)
        })
    }),
    may_end("SET_VRING_KICK of a queue that is not there", |a| {
        no_such_signal(a, request::SET_VRING_KICK)
    }),
    may_end("SET_VRING_CALL of a queue that is not there", |a| {
        no_such_signal(a, request::SET_VRING_CALL)
    }),
    may_end("SET_VRING_ERR of a queue that is not there", |a| {
        no_such_signal(a, request::SET_VRING_ERR)
    }),
    may_end("enable that is neither on nor off", |a| {
        let mut guest = a.boot()?;
        let payload = wire::vring_state(a.queue().into(), 2);
        let result = guest
            .frontend()
            .tell(request::SET_VRING_ENABLE, &payload, &[]);
        refused(&mut guest, result)?;
        Ok(Some(guest))
    }),
    survives("stop under load, and on from the base", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        for _ in 0..5 {
            a.post_many(&mut guest, 32)?;
            guest.queue(index).kick_always();
            let base = step("stop", guest.stop_queue(index))?;
            step("start", guest.start_queue(index, base))?;
            guest.queue(index).kick_always();
            step(
                "requests that a stop has interrupted",
                guest.queue(index).wait_all(PATIENCE),
            )?;
        }
        Ok(Some(guest))
    }),
    survives("memory is left alone once a queue has stopped", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        for _ in 0..5 {
            a.post_many(&mut guest, 64)?;
            guest.queue(index).kick_always();
            step("stop", guest.stop_queue(index))?;
            let before = guest.arena().snapshot();
            guest.queue(index).kick_always();
            std::thread::sleep(Duration::from_millis(40));
            if let Some(at) = guest.arena().first_difference(&before) {
                return Err(format!(
                    "{at:#x} was written after GET_VRING_BASE was answered"
                ));
            }
            step("renew", guest.renew_queue(index))?;
        }
        Ok(Some(guest))
    }),
    survives("stopped twice", |a| {
        let mut guest = a.boot()?;
        (a.device.request)(&mut guest)?;
        let first = step("stop", guest.stop_queue(a.queue()))?;
        let second = step("second stop", guest.stop_queue(a.queue()))?;
        if first != second {
            return Err(format!("base {first}, and then {second}"));
        }
        Ok(Some(guest))
    }),
    survives("stopped and started a hundred times", |a| {
        let mut guest = a.boot()?;
        for _ in 0..100 {
            let base = step("stop", guest.stop_queue(a.queue()))?;
            step("start", guest.start_queue(a.queue(), base))?;
        }
        (a.device.request)(&mut guest)?;
        Ok(Some(guest))
    }),
    survives("disabled under load, and enabled", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        a.post_many(&mut guest, 16)?;
        guest.queue(index).kick_always();
        step("disable", guest.enable_queue(index, false))?;
        a.post_many(&mut guest, 16)?;
        guest.queue(index).kick_always();
        std::thread::sleep(Duration::from_millis(20));
        step("enable", guest.enable_queue(index, true))?;
        step("requests", guest.queue(index).wait_all(PATIENCE))?;
        Ok(Some(guest))
    }),
    may_end("RESET_DEVICE under load", |a| {
        let mut guest = a.boot()?;
        a.post_many(&mut guest, 64)?;
        guest.queue(a.queue()).kick_always();
        if !guest.has(protocol::RESET_DEVICE) {
            let result = guest.frontend().tell(request::RESET_DEVICE, &[], &[]);
            refused(&mut guest, result)?;
            return Ok(Some(guest));
        }
        step("reset", guest.reset_device())?;
        let before = guest.arena().snapshot();
        std::thread::sleep(Duration::from_millis(30));
        if let Some(at) = guest.arena().first_difference(&before) {
            return Err(format!("{at:#x} was written after the reset"));
        }
        step("restart", guest.restart())?;
        (a.device.request)(&mut guest)?;
        Ok(Some(guest))
    }),
    survives("second kick descriptor on a running queue", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        (a.device.request)(&mut guest)?;
        let kick = step("eventfd", Signal::eventfd())?;
        let old = guest.queue(index).set_kick_signal(kick);
        step("kick", guest.send_kick(index))?;
        (a.device.request)(&mut guest)?;
        for _ in 0..100 {
            old.ring();
        }
        drop(old);
        (a.device.request)(&mut guest)?;
        Ok(Some(guest))
    }),
    survives("second call descriptor on a running queue", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        let call = step("eventfd", Signal::eventfd())?;
        guest.queue(index).set_call_signal(call);
        step("call", guest.send_call(index))?;
        (a.device.request)(&mut guest)?;
        Ok(Some(guest))
    }),
    survives("blocking kick descriptor that somebody else drains", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        let kick = step("eventfd", Signal::blocking_eventfd())?;
        guest.queue(index).set_kick_signal(kick);
        step("kick", guest.send_kick(index))?;
        for _ in 0..200 {
            let bell = guest.queue(index).kick_signal();
            bell.ring();
            step("drain", bell.drain())?;
        }
        Ok(Some(guest))
    }),
    survives(
        "non-blocking kick descriptor that somebody else drains",
        |a| {
            let mut guest = a.boot()?;
            for _ in 0..200 {
                let bell = guest.queue(a.queue()).kick_signal();
                bell.ring();
                step("drain", bell.drain())?;
            }
            (a.device.request)(&mut guest)?;
            Ok(Some(guest))
        },
    ),
    survives("full kick descriptor", |a| {
        with_kick(a, || Signal::full_eventfd().map(Some), true)
    }),
    survives("semaphore as kick descriptor, with a million on it", |a| {
        with_kick(
            a,
            || {
                let fd = rustix::event::eventfd(
                    1_000_000,
                    EventfdFlags::SEMAPHORE | EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC,
                );
                fd.map_err(Error::os("cannot create an eventfd"))
                    .map(|fd| Some(Signal::from_fds(None, fd)))
            },
            false,
        )
    }),
    survives("pipe as kick descriptor", |a| {
        with_kick(a, || Signal::kick_pipe(PipeFlags::NONBLOCK).map(Some), true)
    }),
    survives("blocking pipe as kick descriptor", |a| {
        with_kick(a, || Signal::kick_pipe(PipeFlags::empty()).map(Some), true)
    }),
    survives("pipe without a writer as kick descriptor", |a| {
        with_kick(
            a,
            || {
                let mut pipe = Signal::kick_pipe(PipeFlags::empty())?;
                pipe.close_ours();
                Ok(Some(pipe))
            },
            false,
        )
    }),
    may_end("write end of a pipe as kick descriptor", |a| {
        with_kick(
            a,
            || Signal::call_pipe(PipeFlags::NONBLOCK).map(Some),
            false,
        )
    }),
    may_end("file as kick descriptor", |a| {
        with_kick(
            a,
            || memfd().map(|fd| Some(Signal::from_fds(None, fd))),
            false,
        )
    }),
    may_end("no kick descriptor at all", |a| {
        with_kick(a, || Ok(None), false)
    }),
    survives("full blocking call descriptor", |a| {
        with_call(a, Signal::full_blocking_eventfd)
    }),
    survives(
        "call descriptor that is made blocking and filled once it was given",
        |a| {
            let mut guest = a.boot()?;
            let index = a.queue();
            let call = step("eventfd", Signal::eventfd())?;
            let same = step(
                "duplicate",
                call.theirs()
                    .try_clone_to_owned()
                    .map_err(Error::os("cannot duplicate an eventfd")),
            )?;
            guest.queue(index).set_call_signal(call);
            step("call", guest.send_call(index))?;
            // Mode and counter belong to the open file, which the daemon shares. It may have rung just
            // now, and a counter takes this number only from zero.
            let filled = (0..100).any(|_| {
                let _ = rustix::io::read(&same, &mut [0; 8]);
                rustix::io::write(&same, &(u64::MAX - 1).to_ne_bytes()).is_ok()
            });
            if !filled {
                return Err("the eventfd could not be filled".into());
            }
            let changed = rustix::fs::fcntl_setfl(&same, rustix::fs::OFlags::empty());
            step(
                "change",
                changed.map_err(Error::os("cannot make an eventfd block")),
            )?;
            for _ in 0..3 {
                a.post_sample(&mut guest)?;
                let queue = guest.queue(index);
                step("ring", queue.ask_for_interrupt())?;
                queue.kick_always();
                step("request", queue.wait_polling(PATIENCE))?;
            }
            step("stop", guest.stop_queue(index))?;
            Ok(Some(guest))
        },
    ),
    survives("full call descriptor", |a| {
        with_call(a, Signal::full_eventfd)
    }),
    survives("pipe without a reader as call descriptor", |a| {
        with_call(a, || {
            let mut pipe = Signal::call_pipe(PipeFlags::empty())?;
            pipe.close_ours();
            Ok(pipe)
        })
    }),
    survives("full blocking pipe as call descriptor", |a| {
        with_call(a, || {
            let pipe = Signal::call_pipe(PipeFlags::NONBLOCK)?;
            while rustix::io::write(pipe.theirs(), &[0; 4096]).is_ok() {}
            // Both ends share no flags, and the daemon's is to block.
            rustix::fs::fcntl_setfl(pipe.theirs(), rustix::fs::OFlags::empty())
                .map_err(Error::os("cannot set up a pipe"))?;
            Ok(pipe)
        })
    }),
    survives("read end of a pipe as call descriptor", |a| {
        with_call(a, || Signal::kick_pipe(PipeFlags::empty()))
    }),
    survives("no call descriptor", |a| {
        let mut guest = a.boot()?;
        let payload = (u64::from(a.queue()) | wire::NO_FD).to_ne_bytes();
        let told = guest
            .frontend()
            .tell(request::SET_VRING_CALL, &payload, &[]);
        step("call", told)?;
        a.post_sample(&mut guest)?;
        let queue = guest.queue(a.queue());
        queue.kick_always();
        step("request", queue.wait_polling(PATIENCE))?;
        Ok(Some(guest))
    }),
    survives("error descriptor that is full and blocks", |a| {
        let mut guest = a.boot()?;
        let full = step("eventfd", Signal::full_blocking_eventfd())?;
        let payload = u64::from(a.queue()).to_ne_bytes();
        let told = guest
            .frontend()
            .tell(request::SET_VRING_ERR, &payload, &[full.theirs()]);
        step("error descriptor", told)?;
        let queue = guest.queue(a.queue());
        step("ring", queue.set_avail_idx(queue.size() + 1))?;
        queue.kick_always();
        Ok(Some(guest))
    }),
];

fn memfd() -> Result<OwnedFd, Error> {
    rustix::fs::memfd_create("no-eventfd", rustix::fs::MemfdFlags::CLOEXEC)
        .map_err(Error::os("cannot create a memfd"))
}

/// User address behind the last byte of the last region.
fn end_of_memory(guest: &Guest) -> u64 {
    let regions = guest.arena().regions();
    user_addr(regions.last().expect("a region").end())
}

/// Sets a queue up with wrong addresses. Some step must refuse them; nothing else may happen.
fn misplaced(a: &Attempt<'_>, wrong: fn(&Guest, &mut VringAddr)) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let index = a.queue();
    a.post_sample(&mut guest)?;
    step("stop", guest.stop_queue(index))?;
    let mut addr = guest.vring_addr(index);
    wrong(&guest, &mut addr);
    let size = u32::from(guest.queue(index).size());
    let steps = guest
        .set_vring_num(index, size)
        .and_then(|()| guest.set_vring_base(index, 0))
        .and_then(|()| {
            guest
                .frontend()
                .tell(request::SET_VRING_ADDR, &addr.bytes(), &[])
        })
        .and_then(|()| guest.send_call(index))
        .and_then(|()| guest.send_kick(index))
        .and_then(|()| guest.enable_queue(index, true));
    guest.queue(index).kick_always();
    refused(&mut guest, steps)?;
    Ok(Some(guest))
}

fn size(a: &Attempt<'_>, entries: u32) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let index = a.queue();
    step("stop", guest.stop_queue(index))?;
    let steps = guest
        .set_vring_num(index, entries)
        .and_then(|()| guest.set_vring_base(index, 0))
        .and_then(|()| guest.set_vring_addr(index))
        .and_then(|()| guest.send_kick(index))
        .and_then(|()| guest.enable_queue(index, true));
    refused(&mut guest, steps)?;
    Ok(Some(guest))
}

fn while_running(a: &Attempt<'_>, code: u32, value: u32) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    a.post_many(&mut guest, 16)?;
    guest.queue(a.queue()).kick_always();
    let payload = wire::vring_state(a.queue().into(), value);
    let _ = guest.frontend().tell(code, &payload, &[]);
    guest.queue(a.queue()).kick_always();
    Ok(Some(guest))
}

/// Names queues behind the last one. Each try has its own connection, as it may cost it.
fn no_such(
    a: &Attempt<'_>,
    tell: impl Fn(&mut Guest, u32) -> Result<(), Error>,
) -> Result<Option<Guest>, String> {
    for index in [u32::from(a.device.queues), 255, 65535, u32::MAX] {
        let mut guest = a.boot()?;
        let result = tell(&mut guest, index);
        refused(&mut guest, result).map_err(|e| format!("queue {index}: {e}"))?;
    }
    Ok(None)
}

fn no_such_state(a: &Attempt<'_>, code: u32, value: u32) -> Result<Option<Guest>, String> {
    no_such(a, |guest, index| {
        let payload = wire::vring_state(index, value);
        guest.frontend().tell(code, &payload, &[])
    })
}

fn no_such_signal(a: &Attempt<'_>, code: u32) -> Result<Option<Guest>, String> {
    for index in [a.device.queues, 255] {
        let mut guest = a.boot()?;
        // The number has eight bits here; one that is too large for the device is refused.
        if index > 255 {
            continue;
        }
        let bell = step("eventfd", Signal::eventfd())?;
        let payload = u64::from(index).to_ne_bytes();
        let result = guest
            .frontend()
            .tell(code, &payload, &[bell.theirs().as_fd()]);
        refused(&mut guest, result).map_err(|e| format!("queue {index}: {e}"))?;
    }
    Ok(None)
}

/// Replaces the kick descriptor, posts a request, kicks, and stops the queue.
fn with_kick(
    a: &Attempt<'_>,
    make: impl Fn() -> Result<Option<Signal>, Error>,
    works: bool,
) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let index = a.queue();
    a.post_sample(&mut guest)?;
    let told = match step("kick descriptor", make())? {
        Some(signal) => {
            guest.queue(index).set_kick_signal(signal);
            guest.send_kick(index)
        }
        None => {
            let payload = (u64::from(index) | wire::NO_FD).to_ne_bytes();
            guest
                .frontend()
                .tell(request::SET_VRING_KICK, &payload, &[])
        }
    };
    if works {
        step("kick", told)?;
    }
    guest.queue(index).kick_always();
    if works {
        step("request", guest.queue(index).wait(PATIENCE))?;
    } else {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(Some(guest))
}

/// Replaces the call descriptor; requests are answered all the same, and the queue can be stopped.
fn with_call(
    a: &Attempt<'_>,
    make: impl Fn() -> Result<Signal, Error>,
) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let index = a.queue();
    let call = step("call descriptor", make())?;
    guest.queue(index).set_call_signal(call);
    step("call", guest.send_call(index))?;
    let end = Instant::now() + PATIENCE;
    for _ in 0..3 {
        a.post_sample(&mut guest)?;
        let queue = guest.queue(index);
        step("ring", queue.ask_for_interrupt())?;
        queue.kick_always();
        let left = end.saturating_duration_since(Instant::now());
        step("request", queue.wait_polling(left))?;
    }
    step("stop", guest.stop_queue(index))?;
    Ok(Some(guest))
}
