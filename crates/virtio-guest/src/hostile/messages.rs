// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Messages that no frontend sends, frontends that go away, and too many of both.

use std::{
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use super::{Attempt, Case, PATIENCE, may_end, refused, step, survives};
use crate::{
    Error, Frontend, Guest, Signal,
    wire::{self, Header, feature, protocol, request},
};

pub(super) const CASES: &[Case] = &[
    may_end("version 0", |a| header(a, request::GET_FEATURES, 0, 0)),
    may_end("version 2", |a| header(a, request::GET_FEATURES, 2, 0)),
    may_end("version 3", |a| header(a, request::GET_FEATURES, 3, 0)),
    may_end("request that claims to be a reply", |a| {
        header(a, request::GET_FEATURES, wire::VERSION | wire::REPLY, 0)
    }),
    may_end("request of 4097 bytes", |a| {
        header(a, request::SET_CONFIG, wire::VERSION, 4097)
    }),
    may_end("request of 4 GiB", |a| {
        header(a, request::SET_FEATURES, wire::VERSION, u32::MAX)
    }),
    may_end("reserved header flags", |a| {
        let guest = a.boot()?;
        send_header(
            &guest_socket(&guest)?,
            request::GET_FEATURES,
            0xffff_fff1,
            0,
        );
        Ok(Some(guest))
    }),
    may_end("request code 0", |a| header(a, 0, wire::VERSION, 0)),
    may_end("request code 45", |a| header(a, 45, wire::VERSION, 0)),
    may_end("request code 4096", |a| header(a, 4096, wire::VERSION, 0)),
    may_end("request code 4 billion", |a| {
        header(a, u32::MAX, wire::VERSION, 0)
    }),
    may_end("header of zeros", |a| header(a, 0, 0, 0)),
    may_end("a kilobyte of noise", |a| {
        let mut guest = a.boot()?;
        let noise: Vec<u8> = (0..1024u32).map(|i| (i * 167 + 13) as u8 | 0x80).collect();
        let _ = guest.frontend().send_raw(&noise, &[]);
        hung_up(&mut guest)
    }),
    may_end("SET_FEATURES of 4 bytes", |a| {
        payload(a, request::SET_FEATURES, &[0; 4])
    }),
    may_end("SET_FEATURES of 16 bytes", |a| {
        payload(a, request::SET_FEATURES, &[0; 16])
    }),
    may_end("SET_FEATURES of no bytes", |a| {
        payload(a, request::SET_FEATURES, &[])
    }),
    may_end("SET_VRING_NUM of 4 bytes", |a| {
        payload(a, request::SET_VRING_NUM, &[0; 4])
    }),
    may_end("SET_VRING_ADDR of 8 bytes", |a| {
        payload(a, request::SET_VRING_ADDR, &[0; 8])
    }),
    may_end("SET_OWNER of 8 bytes", |a| {
        payload(a, request::SET_OWNER, &[0; 8])
    }),
    may_end("SET_MEM_TABLE of 4 bytes", |a| {
        payload(a, request::SET_MEM_TABLE, &[0; 4])
    }),
    may_end("SET_CONFIG of 4 bytes", |a| {
        payload(a, request::SET_CONFIG, &[0; 4])
    }),
    may_end("GET_CONFIG of 4 bytes", |a| {
        payload(a, request::GET_CONFIG, &[0; 4])
    }),
    may_end("messages of other kinds of devices", |a| {
        for code in [19, 20, 22, 23, 26, 27, 28, 29, 30, 41, 44] {
            let mut guest = a.boot()?;
            let _ = guest.frontend().send(code, wire::NEED_REPLY, &[0; 8], &[]);
            let _ = guest.frontend().recv_reply(Duration::from_millis(100));
        }
        Ok(None)
    }),
    may_end("RESET_OWNER", |a| {
        let mut guest = a.boot()?;
        let _ = guest.frontend().tell(request::RESET_OWNER, &[], &[]);
        Ok(None)
    }),
    may_end("SET_OWNER twice", |a| {
        let mut guest = a.boot()?;
        let _ = guest.frontend().tell(request::SET_OWNER, &[], &[]);
        Ok(Some(guest))
    }),
    may_end("descriptor with GET_FEATURES", |a| {
        with_fds(a, request::GET_FEATURES, &[], 1)
    }),
    may_end("descriptors with SET_FEATURES", |a| {
        with_fds(
            a,
            request::SET_FEATURES,
            &feature::VERSION_1.to_ne_bytes(),
            3,
        )
    }),
    may_end("two descriptors with SET_VRING_KICK", |a| {
        with_fds(
            a,
            request::SET_VRING_KICK,
            &u64::from(a.queue()).to_ne_bytes(),
            2,
        )
    }),
    may_end("33 descriptors with SET_VRING_CALL", |a| {
        with_fds(
            a,
            request::SET_VRING_CALL,
            &u64::from(a.queue()).to_ne_bytes(),
            33,
        )
    }),
    may_end("253 descriptors with SET_OWNER", |a| {
        with_fds(a, request::SET_OWNER, &[], 253)
    }),
    may_end("SET_VRING_KICK without its descriptor", |a| {
        with_fds(
            a,
            request::SET_VRING_KICK,
            &u64::from(a.queue()).to_ne_bytes(),
            0,
        )
    }),
    may_end("SET_VRING_CALL without its descriptor", |a| {
        with_fds(
            a,
            request::SET_VRING_CALL,
            &u64::from(a.queue()).to_ne_bytes(),
            0,
        )
    }),
    may_end("SET_VRING_ERR without its descriptor", |a| {
        with_fds(
            a,
            request::SET_VRING_ERR,
            &u64::from(a.queue()).to_ne_bytes(),
            0,
        )
    }),
    may_end("descriptor where the message says there is none", |a| {
        let mut guest = a.boot()?;
        let bell = step("eventfd", Signal::eventfd())?;
        let payload = (u64::from(a.queue()) | wire::NO_FD).to_ne_bytes();
        let _ = guest
            .frontend()
            .tell(request::SET_VRING_CALL, &payload, &[bell.theirs()]);
        Ok(Some(guest))
    }),
    may_end("SET_LOG_BASE without its descriptor", |a| {
        with_fds(a, request::SET_LOG_BASE, &wire::log_base(4096, 0), 0)
    }),
    may_end("SET_BACKEND_REQ_FD with an eventfd", |a| {
        let mut guest = a.boot()?;
        let bell = step("eventfd", Signal::eventfd())?;
        let _ = guest
            .frontend()
            .tell(request::SET_BACKEND_REQ_FD, &[], &[bell.theirs()]);
        Ok(Some(guest))
    }),
    may_end("GET_INFLIGHT_FD", |a| {
        let mut guest = a.boot()?;
        let _ = guest
            .frontend()
            .ask(request::GET_INFLIGHT_FD, &[0xff; 24], &[]);
        Ok(Some(guest))
    }),
    may_end("a hundred call descriptors", |a| {
        let mut guest = a.boot()?;
        let index = a.queue();
        for _ in 0..100 {
            let bell = step("eventfd", Signal::eventfd())?;
            guest.queue(index).set_call_signal(bell);
            step("call", guest.send_call(index))?;
        }
        (a.device.request)(&mut guest)?;
        Ok(Some(guest))
    }),
    may_end("features that were not offered", |a| {
        let mut guest = a.boot()?;
        let absent = !guest.offered_features() & !feature::PROTOCOL_FEATURES;
        let wanted = guest.offered_features() | absent;
        let result = guest
            .frontend()
            .tell(request::SET_FEATURES, &wanted.to_ne_bytes(), &[]);
        refused(&mut guest, result)?;
        Ok(Some(guest))
    }),
    may_end("one feature that was not offered", |a| {
        let mut guest = a.boot()?;
        let absent = !guest.offered_features();
        let wanted = guest.features() | 1 << absent.ilog2();
        let result = guest
            .frontend()
            .tell(request::SET_FEATURES, &wanted.to_ne_bytes(), &[]);
        refused(&mut guest, result)?;
        Ok(Some(guest))
    }),
    may_end("no features at all", |a| {
        let mut guest = a.boot()?;
        let _ = guest.frontend().tell(request::SET_FEATURES, &[0; 8], &[]);
        Ok(None)
    }),
    may_end("protocol features that were not offered", |a| {
        let mut guest = a.attach()?;
        step("features", guest.frontend().ask_u64(request::GET_FEATURES))?;
        step(
            "features",
            guest.frontend().ask_u64(request::GET_PROTOCOL_FEATURES),
        )?;
        // A backend may ignore them (its reply to what they stand for is another case), and what
        // the layout of later messages is cannot be known any more.
        let _ = guest
            .frontend()
            .tell(request::SET_PROTOCOL_FEATURES, &[0xff; 8], &[]);
        let _ = guest.frontend().recv_reply(Duration::from_millis(100));
        Ok(None)
    }),
    may_end("queue set up before anything else", |a| {
        let mut guest = a.attach()?;
        let _ = guest.add_queue(0);
        let _ = guest.frontend().sync();
        Ok(None)
    }),
    may_end("queue set up without memory", |a| {
        let mut guest = a.attach()?;
        step("negotiate", guest.negotiate())?;
        let _ = guest.add_queue(0);
        let _ = guest.frontend().sync();
        Ok(None)
    }),
    may_end("queue enabled that was never set up", |a| {
        let mut guest = a.prepared()?;
        let index = u32::from(a.queue());
        let payload = wire::vring_state(index, 1);
        let _ = guest
            .frontend()
            .tell(request::SET_VRING_ENABLE, &payload, &[]);
        let bell = step("eventfd", Signal::eventfd())?;
        let number = u64::from(index).to_ne_bytes();
        let _ = guest
            .frontend()
            .tell(request::SET_VRING_KICK, &number, &[bell.theirs()]);
        bell.ring();
        std::thread::sleep(Duration::from_millis(10));
        Ok(None)
    }),
    may_end("queue stopped that was never set up", |a| {
        let mut guest = a.prepared()?;
        let payload = wire::vring_state(a.queue().into(), 0);
        let _ = guest.frontend().ask(request::GET_VRING_BASE, &payload, &[]);
        Ok(None)
    }),
    may_end("configuration past its end", |a| {
        config_reads(a, |size| vec![(size, 1), (size, 4)])
    }),
    may_end("configuration across its end", |a| {
        config_reads(a, |size| vec![(0, size + 1), (size.saturating_sub(1), 16)])
    }),
    may_end("256 bytes of configuration", |a| {
        config_reads(a, |_| vec![(0, 256)])
    }),
    may_end("4 KiB of configuration", |a| {
        config_reads(a, |_| vec![(0, 4000), (4095, 1)])
    }),
    may_end("configuration at the end of the numbers", |a| {
        config_reads(a, |_| {
            vec![(u32::MAX, 1), (u32::MAX - 3, 8), (0x8000_0000, 4)]
        })
    }),
    may_end("no bytes of configuration", |a| {
        config_reads(a, |_| vec![(0, 0)])
    }),
    may_end("configuration size that the payload belies", |a| {
        let mut guest = a.boot()?;
        let lie = wire::config(0, 200, 0, &[0; 4]);
        let reply = guest.frontend().ask(request::GET_CONFIG, &lie, &[]);
        if let Ok(reply) = reply
            && reply.payload.len() > lie.len()
        {
            return Err(format!("{} bytes came back", reply.payload.len()));
        }
        Ok(Some(guest))
    }),
    may_end("configuration written past its end", |a| {
        for (offset, len) in [
            (a.device.config_size, 4),
            (0, 256),
            (u32::MAX - 1, 8),
            (4095, 64),
        ] {
            let mut guest = a.boot()?;
            let data = vec![0x5a; len];
            let payload = wire::config(offset, len as u32, 0, &data);
            let _ = guest.frontend().tell(request::SET_CONFIG, &payload, &[]);
            let _ = guest.frontend().sync();
        }
        Ok(None)
    }),
    may_end(
        "configuration written with a size that the payload belies",
        |a| {
            let mut guest = a.boot()?;
            let payload = wire::config(0, 100, 0, &[0x5a; 4]);
            let result = guest.frontend().tell(request::SET_CONFIG, &payload, &[]);
            refused(&mut guest, result)?;
            Ok(Some(guest))
        },
    ),
    may_end("device state in no known direction", |a| {
        state_channel(a, 7, 0)
    }),
    may_end("device state in no known phase", |a| state_channel(a, 0, 9)),
    may_end("device state without a descriptor", |a| {
        let mut guest = stopped(a)?;
        let result = guest
            .frontend()
            .ask(request::SET_DEVICE_STATE_FD, &wire::vring_state(0, 0), &[])
            .and_then(|reply| state_answer(&reply.payload));
        refused(&mut guest, result)?;
        Ok(Some(guest))
    }),
    may_end("device state of nothing", |a| load(a, &[])),
    may_end("device state of one byte", |a| load(a, &[1])),
    may_end("device state of noise", |a| {
        load(
            a,
            &(0..997u32).map(|i| (i * 31 + 7) as u8).collect::<Vec<_>>(),
        )
    }),
    may_end("device state of zeros", |a| load(a, &[0; 512])),
    may_end("device state of ones", |a| load(a, &[0xff; 512])),
    may_end("device state of 8 MiB", |a| load(a, &vec![0x55; 8 << 20])),
    may_end("device state cut short", |a| {
        mutated(a, |state| {
            state.pop();
        })
    }),
    may_end("device state with bytes too many", |a| {
        mutated(a, |state| state.extend([0; 9]))
    }),
    may_end("device state of an unknown version", |a| {
        mutated(a, |state| {
            // Wherever the version stands, it is near the beginning.
            for byte in state.iter_mut().take(4) {
                *byte ^= 0xf0;
            }
        })
    }),
    may_end("device state that nobody reads", |a| {
        let mut guest = stopped(a)?;
        if guest.has(protocol::DEVICE_STATE) {
            let (ours, theirs) = step("socket", pair())?;
            drop(ours);
            let payload = wire::vring_state(0, 0);
            let _ = guest
                .frontend()
                .ask(request::SET_DEVICE_STATE_FD, &payload, &[theirs.as_fd()]);
            drop(theirs);
            let _ = guest.frontend().ask_u64(request::CHECK_DEVICE_STATE);
        }
        Ok(Some(guest))
    }),
    may_end("device state that nobody sends", |a| {
        let mut guest = stopped(a)?;
        if guest.has(protocol::DEVICE_STATE) {
            let (ours, theirs) = step("socket", pair())?;
            let payload = wire::vring_state(1, 0);
            let _ = guest
                .frontend()
                .ask(request::SET_DEVICE_STATE_FD, &payload, &[theirs.as_fd()]);
            std::thread::sleep(Duration::from_millis(50));
            guest.vanish();
            drop(ours);
            return Ok(None);
        }
        Ok(Some(guest))
    }),
    may_end("CHECK_DEVICE_STATE out of the blue", |a| {
        let mut guest = a.boot()?;
        let _ = guest.frontend().ask(request::CHECK_DEVICE_STATE, &[], &[]);
        Ok(Some(guest))
    }),
    may_end("half a header, and away", |a| {
        for len in 1..wire::HEADER {
            let mut guest = a.attach()?;
            let bytes = full(request::GET_FEATURES, 0);
            step("send", guest.frontend().send_raw(&bytes[..len], &[]))?;
        }
        Ok(None)
    }),
    may_end("half a payload, and away", |a| {
        for len in 0..8 {
            let mut guest = a.boot()?;
            let mut bytes = full(request::SET_FEATURES, 8);
            bytes.extend(std::iter::repeat_n(0, len));
            step("send", guest.frontend().send_raw(&bytes, &[]))?;
        }
        Ok(None)
    }),
    may_end("half a header, and silence", |a| {
        let mut guest = a.boot()?;
        let bytes = full(request::GET_FEATURES, 0);
        step("send", guest.frontend().send_raw(&bytes[..5], &[]))?;
        std::thread::sleep(Duration::from_millis(100));
        // The rest, so that the connection is whole again.
        let _ = guest.frontend().send_raw(&bytes[5..], &[]);
        let _ = guest.frontend().recv_reply(PATIENCE);
        Ok(Some(guest))
    }),
    may_end("a message byte by byte", |a| {
        let mut guest = a.boot()?;
        for byte in full(request::GET_FEATURES, 0) {
            let _ = guest.frontend().send_raw(&[byte], &[]);
        }
        let _ = guest.frontend().recv_reply(PATIENCE);
        Ok(Some(guest))
    }),
    may_end("half a payload with descriptors, and away", |a| {
        let mut guest = a.boot()?;
        let bell = step("eventfd", Signal::eventfd())?;
        let mut bytes = full(request::SET_VRING_KICK, 8);
        bytes.extend([0; 3]);
        let _ = guest
            .frontend()
            .send_raw(&bytes, &[bell.theirs(), bell.theirs()]);
        Ok(None)
    }),
    may_end(
        "a hundred messages at once, and away before the answers",
        |a| {
            let mut guest = a.boot()?;
            let mut bytes = Vec::new();
            for _ in 0..100 {
                bytes.extend(full(request::GET_FEATURES, 0));
            }
            step("send", guest.frontend().send_raw(&bytes, &[]))?;
            guest.vanish();
            Ok(None)
        },
    ),
    may_end("requests in flight, and away", |a| {
        for _ in 0..20 {
            let mut guest = a.boot()?;
            a.post_many(&mut guest, 64)?;
            guest.queue(a.queue()).kick_always();
            guest.vanish();
        }
        Ok(None)
    }),
    may_end("away in the midst of setting up", |a| {
        let mut guest = a.attach()?;
        step("negotiate", guest.negotiate())?;
        drop(guest);
        let guest = a.prepared()?;
        drop(guest);
        let mut guest = a.prepared()?;
        let queue = step("queue", crate::Queue::new(guest.arena(), 0, 64, false))?;
        let _ = guest
            .frontend()
            .tell(request::SET_VRING_NUM, &wire::vring_state(0, 64), &[]);
        drop(queue);
        Ok(None)
    }),
    may_end("two hundred connections that say nothing", |a| {
        for _ in 0..200 {
            drop(step("connect", Frontend::connect(a.path, PATIENCE))?);
        }
        Ok(None)
    }),
    may_end("two hundred connections, each answered", |a| {
        for i in 0..200 {
            let frontend = step("connect", Frontend::connect(a.path, PATIENCE))?;
            frontend
                .sync()
                .map_err(|e| format!("connection {i}: {}", e.explain()))?;
        }
        Ok(None)
    }),
    may_end("fifty guests one after the other", |a| {
        for i in 0..50 {
            let mut guest = a.boot().map_err(|e| format!("guest {i}: {e}"))?;
            (a.device.request)(&mut guest).map_err(|e| format!("guest {i}: {e}"))?;
        }
        Ok(None)
    }),
    survives("a second connection waits until the first has gone", |a| {
        let mut first = a.boot()?;
        let second = step("connect", Frontend::connect(a.path, PATIENCE))?;
        step("send", second.send(request::GET_FEATURES, 0, &[], &[]))?;
        match second.recv_reply(Duration::from_millis(50)) {
            Err(Error::Timeout { .. }) => {}
            Ok(_) => return Err("the second was served while the first was there".into()),
            Err(e) => return Err(format!("the second: {}", e.explain())),
        }
        (a.device.request)(&mut first)?;
        drop(first);
        step("the second, later", second.recv_reply(PATIENCE))?;
        drop(second);
        Ok(None)
    }),
    survives("five connections wait, two give up", |a| {
        let first = a.boot()?;
        let mut waiting = Vec::new();
        for _ in 0..5 {
            waiting.push(step("connect", Frontend::connect(a.path, PATIENCE))?);
        }
        waiting.remove(3);
        waiting.remove(0);
        drop(first);
        for frontend in waiting {
            step("one that waited", frontend.sync())?;
        }
        Ok(None)
    }),
];

fn full(code: u32, size: u32) -> Vec<u8> {
    let header = Header {
        request: code,
        flags: wire::VERSION,
        size,
    };
    header.bytes().to_vec()
}

fn pair() -> Result<(UnixStream, UnixStream), Error> {
    UnixStream::pair().map_err(Error::os("cannot make a pair of sockets"))
}

fn guest_socket(guest: &Guest) -> Result<Frontend, String> {
    let stream = guest
        .socket()
        .try_clone()
        .map_err(|e| format!("cannot duplicate the socket: {e}"))?;
    step("socket", Frontend::from_stream(stream, PATIENCE))
}

fn send_header(frontend: &Frontend, code: u32, flags: u32, size: u32) {
    let header = Header {
        request: code,
        flags,
        size,
    };
    // A daemon that hangs up meanwhile has understood.
    let _ = frontend.send_raw(&header.bytes(), &[]);
    let _ = frontend.send_raw(&vec![0; size.min(8192) as usize], &[]);
}

/// Sends a header that must cost the connection, or at least an error.
fn header(a: &Attempt<'_>, code: u32, flags: u32, size: u32) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let need = if guest.frontend().acknowledges() {
        wire::NEED_REPLY
    } else {
        0
    };
    send_header(guest.frontend(), code, flags | need, size);
    hung_up(&mut guest)
}

/// The daemon hangs up, or has answered with an error.
fn hung_up(guest: &mut Guest) -> Result<Option<Guest>, String> {
    match guest.frontend().recv_reply(PATIENCE) {
        Err(Error::Disconnected { .. }) => Ok(None),
        Ok(reply) if wire::get_u64(&reply.payload, 0) != 0 && reply.payload.len() == 8 => Ok(None),
        Ok(reply) => Err(format!("it was answered: {reply:?}")),
        Err(e) => Err(format!("the connection goes on: {}", e.explain())),
    }
}

fn payload(a: &Attempt<'_>, code: u32, payload: &[u8]) -> Result<Option<Guest>, String> {
    with_fds_of(a, code, payload, &[])
}

fn with_fds(
    a: &Attempt<'_>,
    code: u32,
    payload: &[u8],
    count: usize,
) -> Result<Option<Guest>, String> {
    let bell = step("eventfd", Signal::eventfd())?;
    with_fds_of(a, code, payload, &vec![bell.theirs(); count])
}

fn with_fds_of(
    a: &Attempt<'_>,
    code: u32,
    payload: &[u8],
    fds: &[BorrowedFd<'_>],
) -> Result<Option<Guest>, String> {
    let mut guest = a.boot()?;
    let socket = guest.frontend();
    let has_answer = matches!(
        code,
        request::GET_FEATURES | request::GET_CONFIG | request::SET_LOG_BASE
    );
    let result = if has_answer {
        socket.ask(code, payload, fds).and_then(|reply| {
            if reply.payload.is_empty() {
                Err(Error::Refused {
                    request: request::name(code),
                    code: 0,
                })
            } else {
                Ok(())
            }
        })
    } else {
        socket.tell(code, payload, fds)
    };
    refused(&mut guest, result)?;
    Ok(Some(guest))
}

/// Reads configuration; what lies behind it must never come back as anything but zeros.
fn config_reads(
    a: &Attempt<'_>,
    ranges: fn(u32) -> Vec<(u32, u32)>,
) -> Result<Option<Guest>, String> {
    let known = a.device.config_size;
    for (offset, size) in ranges(known) {
        let mut guest = a.boot()?;
        let payload = wire::config(offset, size, 0, &vec![0; size as usize]);
        let reply = guest.frontend().ask(request::GET_CONFIG, &payload, &[]);
        let reply = match reply {
            Ok(reply) => reply,
            Err(e) if e.is_refusal() => continue,
            Err(e) => return Err(e.explain()),
        };
        let bytes = reply.payload.get(12..).unwrap_or_default();
        if bytes.len() > size as usize {
            return Err(format!("{} bytes came back for {size}", bytes.len()));
        }
        let inside = known.saturating_sub(offset) as usize;
        if let Some(at) = bytes.iter().skip(inside).position(|byte| *byte != 0) {
            return Err(format!(
                "byte {} behind the configuration is not zero: foreign memory",
                at
            ));
        }
    }
    Ok(None)
}

/// A guest whose queues are stopped, as a transfer of state wants it.
fn stopped(a: &Attempt<'_>) -> Result<Guest, String> {
    let mut guest = a.boot()?;
    for index in 0..guest.queues() {
        step("stop", guest.stop_queue(index))?;
    }
    Ok(guest)
}

fn state_answer(payload: &[u8]) -> Result<(), Error> {
    match wire::get_u64(payload, 0) & 0xff {
        0 => Ok(()),
        code => Err(Error::Refused {
            request: "SET_DEVICE_STATE_FD",
            code,
        }),
    }
}

fn state_channel(a: &Attempt<'_>, direction: u32, phase: u32) -> Result<Option<Guest>, String> {
    let mut guest = stopped(a)?;
    let (_ours, theirs) = step("socket", pair())?;
    let payload = wire::vring_state(direction, phase);
    let result = guest
        .frontend()
        .ask(request::SET_DEVICE_STATE_FD, &payload, &[theirs.as_fd()])
        .and_then(|reply| state_answer(&reply.payload));
    refused(&mut guest, result)?;
    Ok(Some(guest))
}

/// Loads a state that no device has ever saved.
fn load(a: &Attempt<'_>, state: &[u8]) -> Result<Option<Guest>, String> {
    let mut guest = stopped(a)?;
    if !guest.has(protocol::DEVICE_STATE) {
        drop(guest);
        return state_channel(a, 1, 0);
    }
    let result = guest.load_state(state);
    refused(&mut guest, result)?;
    Ok(Some(guest))
}

/// Loads a state of the device's own with something changed.
fn mutated(a: &Attempt<'_>, change: fn(&mut Vec<u8>)) -> Result<Option<Guest>, String> {
    let mut guest = stopped(a)?;
    if !guest.has(protocol::DEVICE_STATE) {
        drop(guest);
        return state_channel(a, 1, 0);
    }
    let mut state = step("save", guest.save_state())?;
    change(&mut state);
    let result = guest.load_state(&state);
    refused(&mut guest, result)?;
    Ok(Some(guest))
}
