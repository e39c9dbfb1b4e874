// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Packets for the guest.
//!
//! Connections that have something stand in a line, and each gets a turn while the guest has buffers.
//! Payload goes straight from the socket to the guest's memory, into several buffers by one system
//! call if there is much of it; headers are written before it where its length is known only after.

use std::io;
use std::io::IoSliceMut;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, recv, recvmsg};
use virtio_device::{Chain, Queue, Queues};
use zerocopy::IntoBytes;

use crate::host::Backend;
use crate::spec::{
    HEADER_LEN, Header, Kind, OP_CREDIT_REQUEST, OP_CREDIT_UPDATE, OP_REQUEST, OP_RESPONSE, OP_RW,
    OP_SHUTDOWN, RX, SEQ_EOM, SEQ_EOR, SHUTDOWN_BOTH, SHUTDOWN_RECEIVE, SHUTDOWN_SEND,
};
use crate::table::{Connection, Inbox, Phase};
use crate::worker::{VsockWorker, is_at_end, is_hung_up};

/// What one connection may send before the next in the line has its turn.
const TURN_BYTES: u64 = 256 * 1024;

/// What all of them may before other events have their turn.
const LINE_BYTES: u64 = 4 << 20;

/// Buffers that are filled at once, as a power of two.
const MAX_BURST: u8 = 6;

/// What is made ready for a message of unknown length.
const UNKNOWN_MESSAGE: u32 = 256 * 1024;

/// How a turn ended.
enum Turn {
    /// There is nothing more for now.
    Done,
    /// There is.
    More,
    /// The guest has no buffers.
    Starved,
    /// The connection cannot go on.
    Broken,
    /// The host has left.
    HostLeft,
}

/// How reading ended.
enum Read {
    /// Nothing is left, or the guest has no room.
    Idle,
    Turn(Turn),
}

/// A buffer of the guest with room for a header and `more` bytes. Smaller ones go back unused.
fn buffer(queue: &mut Queue, more: u64) -> Option<Chain> {
    loop {
        let chain = queue.pop()?;
        if chain.writable_len() >= HEADER_LEN + more {
            return Some(chain);
        }
        chain.warn(format_args!(
            "a receive buffer of {} bytes is too small for a packet",
            chain.writable_len()
        ));
        queue.complete(chain);
    }
}

fn put_back(queue: &mut Queue, chain: Chain) {
    // Those that were taken last are put back first, so it is always the last one.
    if let Err(chain) = queue.put_back(chain) {
        queue.complete(chain);
    }
}

impl Connection {
    fn header(&mut self, guest_cid: u64, op: u16, len: u32, flags: u32) -> Header {
        self.update = false;
        let (window, forwarded) = self.credit.tell();
        Header {
            src_cid: self.key.cid.into(),
            dst_cid: guest_cid.into(),
            src_port: self.key.port.into(),
            dst_port: self.key.guest_port.into(),
            len: len.into(),
            kind: self.kind.wire().into(),
            op: op.into(),
            flags: flags.into(),
            buf_alloc: window.into(),
            fwd_cnt: forwarded.into(),
        }
    }

    /// The next packet without payload, but for a shutdown.
    fn next_control(&self) -> Option<u16> {
        if self.request {
            Some(OP_REQUEST)
        } else if self.response {
            Some(OP_RESPONSE)
        } else if self.phase != Phase::Established {
            None
        } else if self.ask {
            Some(OP_CREDIT_REQUEST)
        } else {
            None
        }
    }

    fn told_control(&mut self, op: u16) {
        match op {
            OP_REQUEST => self.request = false,
            OP_RESPONSE => self.response = false,
            OP_CREDIT_REQUEST => self.ask = false,
            _ => {}
        }
    }

    fn may_read(&self) -> bool {
        self.readable
            && self.phase == Phase::Established
            && self.guest_done & SHUTDOWN_RECEIVE == 0
            && self.host_done & SHUTDOWN_SEND == 0
    }

    /// Room for `wanted` bytes. Without any the guest is asked for it, once.
    fn room(&mut self, wanted: u32) -> u32 {
        let free = self.credit.free();
        if free == 0 && wanted > 0 && !self.asked {
            self.asked = true;
            self.ask = true;
        }
        free.min(wanted)
    }

    /// Whether nothing is the end, and not a message without a byte. Of several of those that are the
    /// last that a program sends, none can be told from its end.
    fn is_over(&self, fd: &OwnedFd) -> bool {
        // Looked at first: from then on nothing is added.
        is_at_end(fd)
            && match &self.link {
                Some(link) => !link.owes(),
                // A socket that does not tell would else have an empty message without end.
                None => rustix::io::ioctl_fionread(fd).unwrap_or(0) == 0,
            }
    }

    /// The host's socket is at its end. Both directions may be.
    fn at_end(&mut self, both: bool) -> Read {
        self.readable = false;
        self.host_done |= SHUTDOWN_SEND;
        if both || self.fd.as_ref().is_none_or(is_hung_up) {
            Read::Turn(Turn::HostLeft)
        } else {
            Read::Idle
        }
    }

    fn failed(&mut self, error: &io::Error) -> Read {
        match error.kind() {
            io::ErrorKind::WouldBlock => {
                self.readable = false;
                Read::Idle
            }
            // The guest's memory is gone, or never was.
            io::ErrorKind::InvalidInput => Read::Turn(Turn::Broken),
            _ if error.raw_os_error() == Some(Errno::FAULT.raw_os_error()) => {
                Read::Turn(Turn::Broken)
            }
            // It closed without reading what it was sent: what it has sent itself was read.
            _ => self.at_end(true),
        }
    }

    fn read_stream(&mut self, queue: &mut Queue, cid: u64, chains: &mut Vec<Chain>) -> Read {
        let mut left = TURN_BYTES;
        let mut short = false;
        while self.may_read() {
            let max = u64::from(self.room(u32::MAX)).min(TURN_BYTES);
            if max == 0 {
                return Read::Idle;
            }
            let limit = if short { 1 } else { 1 << self.burst };
            let mut room = 0;
            while chains.len() < limit && room < max {
                let Some(mut chain) = buffer(queue, 1) else {
                    break;
                };
                chain.write(Header::default().as_bytes());
                room += chain.writable_len();
                chains.push(chain);
            }
            if chains.is_empty() {
                return Read::Turn(Turn::Starved);
            }
            let Some(fd) = &self.fd else {
                chains
                    .drain(..)
                    .rev()
                    .for_each(|chain| put_back(queue, chain));
                return Read::Idle;
            };
            let result = Chain::fill_all(chains, fd, max);
            let done = *result.as_ref().unwrap_or(&0) as u64;
            while let Some(chain) = chains.pop_if(|chain| chain.written() <= HEADER_LEN) {
                put_back(queue, chain);
            }
            for mut chain in chains.drain(..) {
                let len = (chain.written() - HEADER_LEN) as u32;
                let header = self.header(cid, OP_RW, len, 0);
                // It fits: a header's worth of bytes was written there before.
                let _ = chain.write_at(0, header.as_bytes());
                queue.complete(chain);
                self.credit.send(len);
            }
            match result {
                Ok(0) => return self.at_end(false),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return self.failed(&error),
            }
            short = done < max.min(room);
            self.burst = if short {
                self.burst.saturating_sub(1)
            } else {
                (self.burst + 2).min(MAX_BURST)
            };
            left = left.saturating_sub(done);
            if left == 0 {
                return Read::Turn(Turn::More);
            }
        }
        Read::Idle
    }

    /// One message a turn of the loop, whole or in as many packets as it takes.
    fn read_messages(&mut self, queue: &mut Queue, cid: u64, vsock: bool) -> Read {
        let mut left = TURN_BYTES;
        loop {
            if self.inbox.is_some()
                && let Some(stop) = self.deliver(queue, cid)
            {
                return stop;
            }
            if !self.may_read() {
                return Read::Idle;
            }
            if left == 0 {
                return Read::Turn(Turn::More);
            }
            let Some(fd) = &self.fd else {
                return Read::Idle;
            };
            let (len, known) = match message_len(fd) {
                Ok(Some(len)) => (len, true),
                Ok(None) => (UNKNOWN_MESSAGE, false),
                Err(Errno::INTR) => continue,
                Err(errno) => return self.failed(&errno.into()),
            };
            if len == 0 && self.is_over(fd) {
                return self.at_end(false);
            }
            if known && len > self.credit.peer_window() {
                log::debug!("a message of {len} bytes for a guest that never has room for it");
                return Read::Turn(Turn::Broken);
            }
            left = left.saturating_sub(u64::from(len).max(1));
            if !vsock && len > 0 && self.credit.free() >= len {
                let Some(mut chain) = buffer(queue, 1) else {
                    return Read::Turn(Turn::Starved);
                };
                if chain.writable_len() >= HEADER_LEN + u64::from(len) {
                    chain.write(Header::default().as_bytes());
                    match chain.fill_from(fd, None, len.into()) {
                        Ok(done) => {
                            let len = done as u32;
                            let mut flags = SEQ_EOM;
                            if self.link.as_ref().is_some_and(|link| link.taken()) {
                                flags |= SEQ_EOR;
                            }
                            let header = self.header(cid, OP_RW, len, flags);
                            let _ = chain.write_at(0, header.as_bytes());
                            queue.complete(chain);
                            self.credit.send(len);
                        }
                        Err(error) => {
                            put_back(queue, chain);
                            if error.kind() != io::ErrorKind::Interrupted {
                                return self.failed(&error);
                            }
                        }
                    }
                    continue;
                }
                put_back(queue, chain);
            }
            match take_message(fd, len) {
                Ok(inbox) if inbox.bytes.is_empty() && !known && is_at_end(fd) => {
                    return self.at_end(false);
                }
                Ok(mut inbox) => {
                    inbox.record |= self.link.as_ref().is_some_and(|link| link.taken());
                    self.inbox = Some(Box::new(inbox));
                }
                Err(Errno::INTR) => {}
                Err(errno) => return self.failed(&errno.into()),
            }
        }
    }

    /// Sends what is there of a message. `None` when all of it went.
    fn deliver(&mut self, queue: &mut Queue, cid: u64) -> Option<Read> {
        let mut inbox = self.inbox.take()?;
        loop {
            let rest = inbox.bytes.len() - inbox.done;
            let room = self.room(rest as u32);
            if rest > 0 && room == 0 {
                self.inbox = Some(inbox);
                return Some(Read::Idle);
            }
            let Some(mut chain) = buffer(queue, u64::from(rest > 0)) else {
                self.inbox = Some(inbox);
                return Some(Read::Turn(Turn::Starved));
            };
            let len = (chain.writable_len() - HEADER_LEN).min(room.into()) as usize;
            let end = inbox.done + len;
            let mut flags = 0;
            if end == inbox.bytes.len() {
                flags = SEQ_EOM;
                if inbox.record {
                    flags |= SEQ_EOR;
                }
            }
            let header = self.header(cid, OP_RW, len as u32, flags);
            chain.write(header.as_bytes());
            chain.write(&inbox.bytes[inbox.done..end]);
            queue.complete(chain);
            self.credit.send(len as u32);
            inbox.done = end;
            if flags != 0 {
                return None;
            }
        }
    }
}

/// Length of the next message; `None` where the kernel does not tell. Zero at the end as well.
fn message_len(fd: &OwnedFd) -> Result<Option<u32>, Errno> {
    let flags = RecvFlags::PEEK | RecvFlags::TRUNC | RecvFlags::DONTWAIT;
    match recv(fd, &mut [0; 1][..], flags) {
        Ok((_, len)) => Ok(Some(u32::try_from(len).unwrap_or(u32::MAX))),
        Err(Errno::OPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn take_message(fd: &OwnedFd, len: u32) -> Result<Inbox, Errno> {
    let mut bytes = vec![0; len as usize];
    let message = recvmsg(
        fd,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut RecvAncillaryBuffer::default(),
        RecvFlags::DONTWAIT,
    )?;
    bytes.truncate(message.bytes);
    bytes.shrink_to_fit();
    Ok(Inbox {
        bytes,
        done: 0,
        record: message.flags.contains(ReturnFlags::EOR),
    })
}

impl VsockWorker {
    /// Sends what waits for the guest, as far as it has buffers.
    pub(crate) fn serve_line(&mut self, queues: &mut Queues<'_>) {
        if self.resets.is_empty() && self.line.is_empty() {
            return;
        }
        let Some(queue) = queues.get(RX) else {
            return;
        };
        let mut left = LINE_BYTES;
        loop {
            while let Some(header) = self.resets.front() {
                let Some(mut chain) = buffer(queue, 0) else {
                    return;
                };
                chain.write(header.as_bytes());
                queue.complete(chain);
                self.resets.pop_front();
            }
            let Some(id) = self.line.pop_front() else {
                return;
            };
            let turn = self.serve(id, queue);
            let Some(connection) = self.table.get(id) else {
                continue;
            };
            connection.queued = false;
            match turn {
                Turn::Done => {}
                Turn::More => {
                    self.enqueue(id);
                    left = left.saturating_sub(TURN_BYTES);
                }
                Turn::Starved => {
                    connection.queued = true;
                    self.line.push_front(id);
                    return;
                }
                Turn::Broken => self.abort(id),
                // What is left to tell the guest comes with its next turn.
                Turn::HostLeft => self.host_left(id),
            }
            if left == 0 {
                self.call_again();
                return;
            }
        }
    }

    fn serve(&mut self, id: u32, queue: &mut Queue) -> Turn {
        let cid = self.shared.cid();
        let close_timeout = self.limits.close_timeout;
        let Some(connection) = self.table.get(id) else {
            return Turn::Done;
        };
        let vsock = connection.link.is_none() && matches!(*self.backend, Backend::Vsock { .. });
        loop {
            while let Some(op) = connection.next_control() {
                let Some(mut chain) = buffer(queue, 0) else {
                    return Turn::Starved;
                };
                let header = connection.header(cid, op, 0, 0);
                chain.write(header.as_bytes());
                queue.complete(chain);
                connection.told_control(op);
            }
            if connection.phase != Phase::Established {
                return Turn::Done;
            }
            let read = match connection.kind {
                Kind::Stream => connection.read_stream(queue, cid, &mut self.chains),
                Kind::SeqPacket => connection.read_messages(queue, cid, vsock),
            };
            if let Read::Turn(turn) = read {
                return turn;
            }
            if connection.next_control().is_none() {
                break;
            }
        }
        let news = connection.host_done & !connection.told_done;
        // Nothing may come after the end of what the host sent.
        if news != 0 && connection.inbox.is_none() {
            let Some(mut chain) = buffer(queue, 0) else {
                return Turn::Starved;
            };
            let header = connection.header(cid, OP_SHUTDOWN, 0, connection.host_done);
            chain.write(header.as_bytes());
            queue.complete(chain);
            connection.told_done = connection.host_done;
            if connection.host_done == SHUTDOWN_BOTH {
                let deadline = self.in_future(close_timeout);
                self.set_deadline(id, Some(deadline));
            }
            return Turn::Done;
        }
        if connection.update {
            let Some(mut chain) = buffer(queue, 0) else {
                return Turn::Starved;
            };
            let header = connection.header(cid, OP_CREDIT_UPDATE, 0, 0);
            chain.write(header.as_bytes());
            queue.complete(chain);
        }
        Turn::Done
    }
}
