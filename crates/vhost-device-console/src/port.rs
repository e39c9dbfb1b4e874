// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One port: bytes from the guest to the host and back, in order, none lost while somebody reads.
//!
//! ```text
//!   guest --tx queue--> [scrollback, while nobody is attached] --> link.output
//!   guest <--rx queue-- [typed, terminal only] <------------------ link.input
//! ```
//!
//! What cannot go on stays where it is: output in the ring (a buffer that was sent in part is put
//! back, and [`Port::sent`] says how much of it is done), input in the kernel.

use std::collections::VecDeque;
use std::io;

use rustix::io::Errno;
use virtio_device::{Chain, Interest, Queue, Sources, Token};

use crate::host::{Host, Kind};
use crate::link::{Half, Link};
use crate::scrollback::Scrollback;

/// Buffers that go to the kernel in one call.
const BATCH: usize = 64;

/// A batch is not larger than this, unless its first buffer is.
const BATCH_BYTES: u64 = 256 * 1024;

/// After this many bytes in one direction others get their turn.
const TURN_BYTES: u64 = 2 << 20;

/// What was typed and not taken by the guest yet. Only a terminal needs it, for escape sequences.
pub(crate) const TYPED: usize = 4096;

/// Clients that left input behind for the guest, and the one that came after them. Each holds a
/// descriptor and what its socket holds; further clients wait to be let in.
const MAX_BEHIND: usize = 16;

/// The kinds of tokens, of which each port has these.
pub(crate) const TOKENS: u32 = 4;
pub(crate) const IN: u32 = 0;
pub(crate) const OUT: u32 = 1;
pub(crate) const EVENT: u32 = 2;

/// A port, as the operator wants it.
#[derive(Debug)]
pub struct PortConfig {
    /// Name in the guest (`/dev/virtio-ports/NAME` with Linux).
    pub name: Option<String>,
    /// The guest gets a console (hvcN), and not a plain port.
    pub console: bool,
    /// Where the other end is.
    pub host: Host,
}

/// What the driver was told of a port, and what it said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) added: bool,
    pub(crate) ready: bool,
    /// The driver's side is open.
    pub(crate) guest_open: bool,
    /// The driver knows that the host's side is open.
    pub(crate) host_open: bool,
}

/// Control messages that are due, one bit each, in the order in which they are sent.
pub(crate) mod due {
    pub(crate) const ADD: u8 = 1;
    pub(crate) const CONSOLE: u8 = 2;
    pub(crate) const SIZE: u8 = 4;
    pub(crate) const NAME: u8 = 8;
    pub(crate) const OPEN: u8 = 16;
    pub(crate) const REMOVE: u8 = 32;
}

/// How much of the next output buffer was sent before it was put back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Index of that buffer in the available ring.
    pub(crate) index: u16,
    pub(crate) bytes: u64,
}

/// What a pump asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// An event will come.
    Wait,
    /// Call again soon: others had to get their turn.
    Again,
}

#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) index: usize,
    pub(crate) name: Option<String>,
    pub(crate) console: bool,
    pub(crate) host: Host,
    pub(crate) link: Option<Link>,
    /// Input of later clients, while the guest has not taken what earlier ones sent before they left.
    behind: VecDeque<Half>,
    pub(crate) scrollback: Scrollback,
    pub(crate) typed: VecDeque<u8>,
    pub(crate) size: (u16, u16),
    pub(crate) told: Told,
    pub(crate) due: u8,
    pub(crate) sent: Sent,
    /// The host's side is gone for good.
    pub(crate) removed: bool,
    /// Somebody waits and cannot be let in, for want of descriptors: told once, and tried again by
    /// a timer, for the listener would say so all the time.
    refused: bool,
    /// Buffers that are asked for at once: few while input is typed, many while it streams.
    burst: usize,
    /// Of the buffers that are being sent.
    lengths: Vec<u64>,
}

impl Port {
    pub(crate) fn new(index: usize, config: PortConfig, scrollback: usize) -> Self {
        Self {
            index,
            name: config.name,
            console: config.console,
            size: config.host.size().unwrap_or_default(),
            host: config.host,
            link: None,
            behind: VecDeque::new(),
            scrollback: Scrollback::new(scrollback),
            typed: VecDeque::new(),
            told: Told::default(),
            due: 0,
            sent: Sent::default(),
            removed: false,
            refused: false,
            burst: 1,
            lengths: Vec::with_capacity(BATCH),
        }
    }

    pub(crate) fn token(&self, kind: u32) -> Token {
        Token(self.index as u32 * TOKENS + kind)
    }

    /// Whether anybody is at the other end.
    pub(crate) fn is_attached(&self) -> bool {
        !self.removed && (self.link.is_some() || matches!(self.host.0, Kind::File(_)))
    }

    /// Watches what the host's side has, for a new worker.
    pub(crate) fn watch(&mut self, sources: &Sources) -> io::Result<()> {
        for fd in self.host.events().into_iter().flatten() {
            sources.add(fd, Interest::Readable, self.token(EVENT))?;
        }
        if let Some(link) = &mut self.link {
            for half in [&mut link.input, &mut link.output].into_iter().flatten() {
                half.watch(Some(sources));
            }
            if let Kind::Terminal(terminal) = &self.host.0 {
                // The panic that ended the worker before this one restored it.
                terminal.stay_raw();
            }
        }
        for half in &mut self.behind {
            half.watch(Some(sources));
        }
        match self.host.0 {
            // Others come by themselves.
            Kind::Terminal(_) | Kind::Connect(_) | Kind::Pty(_) => self.admit(Some(sources)),
            _ => self.listen(Some(sources)),
        }
        Ok(())
    }

    /// A listener is only listened to while there is a place, so that nobody is let in and then
    /// turned away.
    fn listen(&self, sources: Option<&Sources>) {
        let Some(sources) = sources else {
            return;
        };
        if !matches!(self.host.0, Kind::Tcp(_) | Kind::Unix(_)) {
            return;
        }
        let interest = if self.has_place() && !self.refused {
            Interest::Readable
        } else {
            Interest::None
        };
        for fd in self.host.events().into_iter().flatten() {
            if let Err(error) = sources.modify(fd, interest, self.token(EVENT)) {
                log::error!("cannot wait for clients: {error}");
            }
        }
    }

    /// Whether somebody may be let in: the last one left, or has nothing more to say.
    fn has_place(&self) -> bool {
        match &self.link {
            None | Some(Link { input: None, .. }) => true,
            Some(Link {
                input: Some(input),
                output: None,
            }) => !self.host.takes_turns() || input.hung_up() && self.behind.len() < MAX_BEHIND,
            Some(_) => false,
        }
    }

    /// Lets somebody in who waits, where there is a place.
    pub(crate) fn admit(&mut self, sources: Option<&Sources>) {
        if self.removed {
            return;
        }
        if !self.has_place() {
            self.listen(sources);
            return;
        }
        match self.host.accept() {
            Ok(Some((input, output))) => {
                let mut input = Half::new(input, self.token(IN), sources);
                let output = Half::new(output, self.token(OUT), sources);
                let mut former = self.link.take();
                if self.host.takes_turns()
                    && let Some(earlier) = former.as_mut().and_then(|link| link.input.take())
                {
                    self.behind.push_back(input);
                    input = earlier;
                }
                if let Some(link) = former {
                    link.close(sources);
                }
                self.link = Some(Link {
                    input: Some(input),
                    output: Some(output),
                });
                self.due |= due::OPEN;
                self.refused = false;
                self.look_at_size();
            }
            Ok(None) => self.refused = false,
            Err(error) => {
                if !std::mem::replace(&mut self.refused, true) {
                    log::error!("port {}: cannot let anybody in: {error}", self.index);
                }
            }
        }
        self.listen(sources);
    }

    /// Whether somebody is to be let in at another time, of which no event will tell.
    pub(crate) fn must_retry(&self) -> bool {
        self.refused && self.host.takes_turns()
    }

    /// Something happened on the host's side that is not data.
    pub(crate) fn host_event(&mut self, sources: Option<&Sources>) {
        self.host.acknowledge();
        if self.link.is_some()
            && let Kind::Terminal(terminal) = &self.host.0
        {
            terminal.stay_raw();
        }
        self.look_at_size();
        self.admit(sources);
    }

    /// Returns whether it changed.
    pub(crate) fn look_at_size(&mut self) -> bool {
        let Some(size) = self.host.size() else {
            return false;
        };
        let changed = size != self.size;
        if changed {
            self.size = size;
            self.due |= due::SIZE;
        }
        changed
    }

    /// The next one's input takes the place, if somebody came after.
    fn close_input(&mut self, sources: Option<&Sources>) {
        if let Some(link) = &mut self.link
            && let Some(half) = link.input.take()
        {
            let gone = half.hung_up();
            half.close(sources);
            link.input = self.behind.pop_front();
            if let Some(next) = &mut link.input {
                // Whoever closed the former one may not be about to read.
                next.arm(Interest::Readable, sources);
            }
            if gone
                && link.input.is_none()
                && let Some(half) = link.output.take()
            {
                half.close(sources);
            }
        }
        self.close_link(sources);
    }

    fn close_output(&mut self, sources: Option<&Sources>) {
        if let Some(link) = &mut self.link
            && let Some(half) = link.output.take()
        {
            half.close(sources);
            // Input that is still there is delivered, and a client may be there only to send.
            let stays = self.host.takes_turns();
            let over = |input: &Half| !input.has_input() && (!stays || input.hung_up());
            let input = match self.behind.back() {
                Some(input) if over(input) => self.behind.pop_back(),
                None if link.input.as_ref().is_some_and(over) => link.input.take(),
                _ => None,
            };
            if let Some(half) = input {
                half.close(sources);
            }
        }
        self.close_link(sources);
    }

    fn close_link(&mut self, sources: Option<&Sources>) {
        if self.link.as_ref().is_some_and(Link::is_closed) {
            self.link = None;
            self.due |= due::OPEN;
            if self.host.left() {
                self.removed = true;
                self.due |= due::REMOVE;
            }
        }
        self.listen(sources);
    }

    /// The operator typed the escape sequence.
    fn detach(&mut self, sources: Option<&Sources>) {
        if let Some(link) = self.link.take() {
            link.close(sources);
        }
        self.due |= due::OPEN;
        self.host.left();
    }

    /// An event of a descriptor that was not armed: the other end is gone.
    pub(crate) fn check_hangup(&mut self, sources: Option<&Sources>) {
        let Some(link) = &self.link else {
            return;
        };
        if link.output.as_ref().is_some_and(Half::hung_up) {
            self.close_output(sources);
        } else if let Some(input) = &link.input
            && input.hung_up()
            && !input.has_input()
        {
            self.close_input(sources);
        } else {
            // Who only sent, and left, makes place.
            self.listen(sources);
        }
    }

    /// From the guest to the host.
    pub(crate) fn pump_out(&mut self, queue: &mut Queue, sources: Option<&Sources>) -> Next {
        let mut moved = 0;
        let mut batch: Vec<Chain> = Vec::with_capacity(BATCH);
        loop {
            if self.flush_scrollback(sources) == Flow::Stalled {
                return Next::Wait;
            }
            if moved >= TURN_BYTES {
                return Next::Again;
            }
            self.take_output(queue, &mut batch);
            if batch.is_empty() {
                self.arm_output(Interest::None, sources);
                return Next::Wait;
            }
            let result = self.send(&mut batch);
            let flow = match &result {
                Ok(bytes) => {
                    moved += *bytes;
                    Flow::Goes
                }
                Err(error) => self.output_failed(error, &mut batch, sources),
            };
            self.give_back(queue, &mut batch);
            if flow == Flow::Stalled {
                return Next::Wait;
            }
        }
    }

    /// Takes the next buffers, of which the first may have been sent in part.
    fn take_output(&mut self, queue: &mut Queue, batch: &mut Vec<Chain>) {
        self.lengths.clear();
        let mut bytes = 0;
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let index = queue.next_available();
            let Some(mut chain) = queue.pop() else {
                break;
            };
            self.lengths.push(chain.readable_len());
            let sent = std::mem::take(&mut self.sent);
            if sent.index == index {
                let _ = chain.skip(sent.bytes.min(chain.readable_len()));
            }
            bytes += chain.readable_len();
            batch.push(chain);
        }
    }

    fn send(&mut self, batch: &mut [Chain]) -> io::Result<u64> {
        if let Kind::File(sink) = &mut self.host.0 {
            let room = sink.room();
            if room == 0 {
                return Ok(discard(batch));
            }
            let result = Chain::drain_all(batch, &*sink, room);
            sink.wrote(&result);
            return match result {
                // Nothing may be written only where there was nothing to write.
                Ok(0) => Ok(discard(batch)),
                Ok(bytes) => Ok(bytes as u64),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
                Err(_) => Ok(discard(batch)),
            };
        }
        match &self.link {
            Some(Link {
                output: Some(half), ..
            }) => Chain::drain_all(batch, half, u64::MAX).map(|bytes| bytes as u64),
            _ => Ok(self.keep(batch)),
        }
    }

    /// Nobody is there: the last of it is kept.
    fn keep(&mut self, batch: &mut [Chain]) -> u64 {
        let mut all = 0;
        let mut buffer = [0; 4096];
        for chain in batch {
            let len = chain.readable_len();
            all += len;
            let _ = chain.skip(len.saturating_sub(self.scrollback.max() as u64));
            while chain.readable_len() > 0 {
                let count = chain.read(&mut buffer);
                if count == 0 {
                    break;
                }
                self.scrollback.push(&buffer[..count]);
            }
            let _ = chain.skip(chain.readable_len());
        }
        all
    }

    fn output_failed(
        &mut self,
        error: &io::Error,
        batch: &mut [Chain],
        sources: Option<&Sources>,
    ) -> Flow {
        match error.kind() {
            io::ErrorKind::WouldBlock => {
                self.arm_output(Interest::Writable, sources);
                return Flow::Stalled;
            }
            io::ErrorKind::Interrupted => {}
            _ if is_guests_fault(error) => {
                if let Some(chain) = batch.first() {
                    chain.warn(format_args!("an output buffer cannot be read: {error}"));
                }
                discard(batch);
            }
            _ => {
                log::info!("port {}: the other end is gone: {error}", self.index);
                self.close_output(sources);
            }
        }
        Flow::Goes
    }

    /// Buffers that are done go back to the driver, the others into the ring.
    fn give_back(&mut self, queue: &mut Queue, batch: &mut Vec<Chain>) {
        let done = batch.iter().take_while(|c| c.readable_len() == 0).count();
        let sent = match (batch.get(done), self.lengths.get(done)) {
            (Some(chain), Some(length)) => length.saturating_sub(chain.readable_len()),
            _ => 0,
        };
        put_back(queue, batch, done);
        batch.drain(..).for_each(|chain| queue.complete(chain));
        self.sent = Sent {
            index: queue.next_available(),
            bytes: sent,
        };
    }

    /// What was kept while nobody was there goes first.
    pub(crate) fn flush_scrollback(&mut self, sources: Option<&Sources>) -> Flow {
        while !self.scrollback.is_empty() {
            let bytes = self.scrollback.front();
            let result = match (&mut self.host.0, &self.link) {
                (Kind::File(sink), _) => {
                    let room = usize::try_from(sink.room()).unwrap_or(usize::MAX);
                    let len = bytes.len().min(room);
                    let result = rustix::io::write(&*sink, &bytes[..len]).map_err(io::Error::from);
                    sink.wrote(&result);
                    // Full, or failing: lost, as what follows it.
                    Ok(result.ok().filter(|&n| n > 0).unwrap_or(bytes.len()))
                }
                (
                    _,
                    Some(Link {
                        output: Some(half), ..
                    }),
                ) => rustix::io::write(half, bytes),
                _ => return Flow::Goes,
            };
            match result {
                Ok(count) => self.scrollback.consume(count),
                Err(Errno::AGAIN) => {
                    self.arm_output(Interest::Writable, sources);
                    return Flow::Stalled;
                }
                Err(Errno::INTR) => {}
                Err(errno) => {
                    log::info!("port {}: the other end is gone: {errno}", self.index);
                    self.close_output(sources);
                }
            }
        }
        Flow::Goes
    }

    fn arm_output(&mut self, interest: Interest, sources: Option<&Sources>) {
        if let Some(link) = &mut self.link
            && let Some(half) = &mut link.output
        {
            half.arm(interest, sources);
        }
    }

    /// Whether output waits for the other end to take what it has.
    pub(crate) fn output_waits(&self) -> bool {
        matches!(&self.link, Some(Link { output: Some(half), .. }) if half.is_armed())
    }

    fn arm_input(&mut self, interest: Interest, sources: Option<&Sources>) {
        if let Some(link) = &mut self.link
            && let Some(half) = &mut link.input
        {
            half.arm(interest, sources);
        }
    }

    /// From the host to the guest. `queue` is `None` while there is no queue, or the guest has not
    /// opened the port.
    pub(crate) fn pump_in(&mut self, queue: Option<&mut Queue>, sources: Option<&Sources>) -> Next {
        if matches!(self.host.0, Kind::Terminal(_)) {
            return self.pump_typed(queue, sources);
        }
        let Some(queue) = queue else {
            self.arm_input(Interest::None, sources);
            return Next::Wait;
        };
        // Of a terminal, before the guest moved here.
        self.give_typed(queue);
        let mut moved = 0;
        let mut batch: Vec<Chain> = Vec::with_capacity(self.burst);
        while moved < TURN_BYTES {
            let Some(Link {
                input: Some(half), ..
            }) = &self.link
            else {
                return Next::Wait;
            };
            take_room(queue, &mut batch, self.burst);
            if batch.is_empty() {
                self.arm_input(Interest::None, sources);
                return Next::Wait;
            }
            let room: u64 = batch.iter().map(Chain::writable_len).sum();
            let result = Chain::fill_all(&mut batch, half, BATCH_BYTES.max(room));
            let fault = result.as_ref().err().is_some_and(is_guests_fault);
            if fault {
                if let Some(chain) = batch.first() {
                    chain.warn(format_args!("an input buffer cannot be written"));
                }
                batch.drain(..).for_each(|chain| queue.complete(chain));
                continue;
            }
            return_room(queue, &mut batch);
            match result {
                Ok(0) => self.close_input(sources),
                Ok(bytes) => {
                    moved += bytes as u64;
                    if (bytes as u64) < room {
                        self.burst = (self.burst / 2).max(1);
                        // There is hardly more, and an event says so for less than a read does.
                        if half_is_pollable(&self.link) {
                            break;
                        }
                    } else {
                        self.burst = (self.burst * 4).min(BATCH);
                    }
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break,
                    io::ErrorKind::Interrupted => {}
                    // A pseudo-terminal says so at its end.
                    _ => self.close_input(sources),
                },
            }
        }
        self.arm_input(Interest::Readable, sources);
        if half_is_pollable(&self.link) {
            Next::Wait
        } else {
            Next::Again
        }
    }

    /// A terminal's input passes through here, because of the escape sequences.
    fn pump_typed(&mut self, mut queue: Option<&mut Queue>, sources: Option<&Sources>) -> Next {
        loop {
            if let Some(queue) = &mut queue {
                self.give_typed(queue);
            }
            let Some(Link {
                input: Some(half), ..
            }) = &self.link
            else {
                return Next::Wait;
            };
            // An escape may add one more byte than was read.
            let room = (TYPED - 1).saturating_sub(self.typed.len());
            if room == 0 {
                self.arm_input(Interest::None, sources);
                return Next::Wait;
            }
            let mut buffer = [0; TYPED];
            let result = rustix::io::read(half, &mut buffer[..room]);
            match result {
                Ok(0) => {
                    self.close_input(sources);
                    if matches!(&self.host.0, Kind::Terminal(t) if t.is_terminal()) {
                        self.close_output(sources);
                    }
                    if self.typed.is_empty() {
                        return Next::Wait;
                    }
                }
                Ok(count) => {
                    let typed = &mut self.typed;
                    let escaped = match &mut self.host.0 {
                        Kind::Terminal(terminal) => {
                            terminal.typed(&buffer[..count], |byte| typed.push_back(byte))
                        }
                        _ => false,
                    };
                    if escaped {
                        self.detach(sources);
                    }
                }
                Err(Errno::AGAIN) => {
                    self.arm_input(Interest::Readable, sources);
                    return Next::Wait;
                }
                Err(Errno::INTR) => {}
                Err(_) => {
                    self.close_input(sources);
                    self.close_output(sources);
                    return Next::Wait;
                }
            }
        }
    }

    fn give_typed(&mut self, queue: &mut Queue) {
        while !self.typed.is_empty()
            && let Some(mut chain) = queue.pop()
        {
            let mut taken = chain.write(self.typed.as_slices().0);
            self.typed.drain(..taken);
            let more = chain.write(self.typed.as_slices().0);
            self.typed.drain(..more);
            taken += more;
            if taken == 0 {
                chain.warn(format_args!("an input buffer without room"));
            }
            queue.complete(chain);
        }
    }

    /// The driver begins anew, and knows nothing. What waits for the host's side stays.
    pub(crate) fn forget(&mut self) {
        self.told = Told::default();
        self.due = 0;
    }
}

/// Whether the way to the host is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Goes,
    Stalled,
}

fn half_is_pollable(link: &Option<Link>) -> bool {
    matches!(link, Some(Link { input: Some(half), .. }) if half.is_pollable())
}

/// A page that the frontend took away is not the client's trouble.
fn is_guests_fault(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::FAULT.raw_os_error())
        || (error.raw_os_error().is_none() && error.kind() == io::ErrorKind::InvalidInput)
}

fn discard(batch: &mut [Chain]) -> u64 {
    let mut all = 0;
    for chain in batch {
        all += chain.readable_len();
        let _ = chain.skip(chain.readable_len());
    }
    all
}

fn take_room(queue: &mut Queue, batch: &mut Vec<Chain>, count: usize) {
    let mut bytes = 0;
    while batch.len() < count && bytes < BATCH_BYTES {
        let Some(chain) = queue.pop() else {
            break;
        };
        if chain.writable_len() == 0 {
            chain.warn(format_args!("an input buffer without room"));
            queue.complete(chain);
            continue;
        }
        bytes += chain.writable_len();
        batch.push(chain);
    }
}

/// Buffers with something in them go to the driver, the others back into the ring, last one first.
fn return_room(queue: &mut Queue, batch: &mut Vec<Chain>) {
    let used = batch.iter().take_while(|chain| chain.written() > 0).count();
    put_back(queue, batch, used);
    batch.drain(..).for_each(|chain| queue.complete(chain));
}

/// Puts all but the first `keep` back.
fn put_back(queue: &mut Queue, batch: &mut Vec<Chain>, keep: usize) {
    while batch.len() > keep
        && let Some(chain) = batch.pop()
    {
        if let Err(chain) = queue.put_back(chain) {
            // They were taken last, so this does not happen.
            queue.complete(chain);
        }
    }
}
