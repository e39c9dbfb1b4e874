// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Packets of the guest.
//!
//! Payload goes straight from the guest's memory to the socket, that of neighbouring packets of one
//! stream by one system call. Only what the socket has no room for is copied, and waits in the
//! connection's outbox; the guest's credit bounds it.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair};
use virtio_device::{Chain, Interest, Queue, Queues};

use crate::host::{self, Backend};
use crate::outbox::Outbox;
use crate::spec::{
    HOST_CID, Header, Kind, OP_CREDIT_REQUEST, OP_CREDIT_UPDATE, OP_REQUEST, OP_RESPONSE, OP_RST,
    OP_RW, OP_SHUTDOWN, SEQ_EOM, SEQ_EOR, SHUTDOWN_BOTH, SHUTDOWN_RECEIVE, SHUTDOWN_SEND, TX,
    TYPE_STREAM,
};
use crate::switch::{Incoming, LinkEnd, Shared};
use crate::table::{Connection, Key, Phase};
use crate::worker::{VsockWorker, reset};

/// Answers that wait for the guest's buffers. A guest that asks for more without taking any is not
/// listened to meanwhile.
const MAX_RESETS: usize = 1024;

/// Packets that go to a socket at once: as many as the kernel takes pieces in a call, nearly. Of large
/// ones only a few, for neither the host's program nor the guest should wait for all of them.
const MAX_BATCH: usize = 128;
const MAX_BATCH_BYTES: u64 = 128 << 10;

/// A guest has room in each of thousands of connections; this is what all of them together may make
/// this process keep. The connection that goes beyond it is reset.
const MAX_BUFFERED: usize = 256 << 20;

/// Neighbouring packets of one stream.
struct Batch {
    target: Option<(Key, u32)>,
    bytes: u64,
    chains: Vec<Chain>,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.chains.len() >= MAX_BATCH || self.bytes >= MAX_BATCH_BYTES
    }
}

fn key(header: &Header) -> Key {
    Key {
        cid: header.dst_cid.get(),
        port: header.dst_port.get(),
        guest_port: header.src_port.get(),
    }
}

impl VsockWorker {
    /// Handles what the guest has sent.
    pub(crate) fn take_packets(&mut self, queues: &mut Queues<'_>) {
        let Some(queue) = queues.get(TX) else {
            return;
        };
        let mut batch = Batch {
            target: None,
            bytes: 0,
            chains: std::mem::take(&mut self.chains),
        };
        loop {
            if self.resets.len() >= MAX_RESETS {
                self.tx_blocked = true;
                break;
            }
            let Some(mut chain) = queue.pop() else {
                break;
            };
            let Ok(header) = chain.read_obj::<Header>() else {
                chain.warn(format_args!("a packet without a whole header"));
                queue.complete(chain);
                continue;
            };
            if let Some(target) = self.batchable(&header, &chain, &batch) {
                if batch.is_full() || batch.target.is_some_and(|former| former != target) {
                    self.send_batch(&mut batch, queue);
                }
                // That it is within the credit is checked only now: the one before was counted.
                if self.count(target.1, &header) {
                    let bytes = u64::from(header.len.get());
                    chain.truncate_readable(bytes);
                    batch.target = Some(target);
                    batch.bytes += bytes;
                    batch.chains.push(chain);
                    continue;
                }
            }
            self.send_batch(&mut batch, queue);
            self.packet(&header, &mut chain);
            queue.complete(chain);
        }
        self.send_batch(&mut batch, queue);
        self.chains = batch.chains;
    }

    /// The stream whose socket may take the packet right away.
    fn batchable(&mut self, header: &Header, chain: &Chain, batch: &Batch) -> Option<(Key, u32)> {
        let len = header.len.get();
        if header.op.get() != OP_RW
            || header.kind.get() != TYPE_STREAM
            || len == 0
            || u64::from(len) > chain.readable_len()
            || header.src_cid.get() != self.shared.cid()
        {
            return None;
        }
        let key = key(header);
        let id = match batch.target {
            Some((former, id)) if former == key => id,
            _ => self.table.find(&key)?,
        };
        let connection = self.table.get(id)?;
        let fits = connection.kind == Kind::Stream
            && connection.phase == Phase::Established
            && connection.outbox.is_none()
            && connection.fd.is_some()
            && connection.guest_done & SHUTDOWN_SEND == 0
            && connection.host_done & SHUTDOWN_RECEIVE == 0;
        fits.then_some((key, id))
    }

    /// Counts a packet's payload and takes note of its credit. False if the guest has no such room;
    /// or if the connection is not what it was before the batch went out.
    fn count(&mut self, id: u32, header: &Header) -> bool {
        let Some(connection) = self.table.get(id) else {
            return false;
        };
        if connection.outbox.is_some()
            || connection.fd.is_none()
            || connection.host_done & SHUTDOWN_RECEIVE != 0
            || connection.credit.receive(header.len.get()).is_err()
        {
            return false;
        }
        self.hear(id, header);
        true
    }

    /// Takes note of the guest's room. What waited for it goes on.
    fn hear(&mut self, id: u32, header: &Header) {
        if let Some(connection) = self.table.get(id)
            && connection
                .credit
                .hear(header.buf_alloc.get(), header.fwd_cnt.get())
        {
            connection.asked = false;
            if connection.readable || connection.inbox.is_some() {
                self.enqueue(id);
            }
        }
    }

    fn send_batch(&mut self, batch: &mut Batch, queue: &mut Queue) {
        let Some((_, id)) = batch.target.take() else {
            return;
        };
        batch.bytes = 0;
        self.send_stream(id, &mut batch.chains);
        for chain in batch.chains.drain(..) {
            queue.complete(chain);
        }
    }

    /// Sends what is left in the chains, which was counted.
    fn send_stream(&mut self, id: u32, chains: &mut [Chain]) {
        let mut rest = chains;
        while let Some(first) = rest.first() {
            if first.readable_len() == 0 {
                rest = &mut rest[1..];
                continue;
            }
            let Some(connection) = self.table.get(id) else {
                return;
            };
            let Some(fd) = &connection.fd else {
                return;
            };
            match Chain::drain_all(rest, fd, u64::MAX) {
                Ok(done) => connection.credit.forward(done as u32),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => {
                        for chain in rest {
                            if !self.keep(id, chain) {
                                return;
                            }
                        }
                        break;
                    }
                    _ => {
                        let left = rest.iter().map(Chain::readable_len).sum::<u64>();
                        connection.credit.forward(left as u32);
                        self.host_deaf(id, &error);
                        break;
                    }
                },
            }
        }
        self.credit_changed(id);
    }

    /// Copies what is left in the chain to the outbox. False if the connection had to go.
    fn keep(&mut self, id: u32, chain: &mut Chain) -> bool {
        let len = chain.readable_len() as usize;
        if self.buffered + len > MAX_BUFFERED {
            chain.warn(format_args!(
                "the host's programs do not read, and {MAX_BUFFERED} bytes are kept for them: a \
                 connection is reset"
            ));
            self.abort(id);
            return false;
        }
        let Some(connection) = self.table.get(id) else {
            return false;
        };
        let spare = &mut self.spare;
        let outbox = connection
            .outbox
            .get_or_insert_with(|| spare.take().unwrap_or_else(|| Box::new(Outbox::new())));
        let mut part = [0; 4096];
        loop {
            let done = chain.read(&mut part);
            if done == 0 {
                break;
            }
            outbox.push(&part[..done]);
            self.buffered += done;
        }
        let waits = outbox.is_waiting(connection.kind);
        self.watch_room(id, waits);
        true
    }

    fn credit_changed(&mut self, id: u32) {
        if let Some(connection) = self.table.get(id)
            && connection.phase == Phase::Established
            && connection.credit.update_is_due()
        {
            connection.update = true;
            self.enqueue(id);
        }
    }

    /// The host takes no more. What it has sent is still to be read.
    fn host_deaf(&mut self, id: u32, why: &io::Error) {
        let lost_memory = why.kind() == io::ErrorKind::InvalidInput
            || why.raw_os_error() == Some(Errno::FAULT.raw_os_error());
        let Some(connection) = self.table.get(id) else {
            return;
        };
        if let Some(outbox) = connection.outbox.take() {
            connection.credit.forward(outbox.len() as u32);
            self.buffered -= outbox.len();
        }
        connection.host_done |= SHUTDOWN_RECEIVE;
        let left = connection.phase == Phase::Left;
        if lost_memory {
            self.abort(id);
        } else if left {
            self.finish(id);
        } else {
            self.watch_room(id, false);
            self.enqueue(id);
        }
    }

    /// The socket may have room.
    pub(crate) fn flush_outbox(&mut self, id: u32) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        let (Some(outbox), Some(fd)) = (&mut connection.outbox, &connection.fd) else {
            return;
        };
        match outbox.flush(connection.kind, fd, connection.link.as_deref()) {
            Ok(sent) => {
                self.buffered -= sent as usize;
                connection.credit.forward(sent);
            }
            Err(Errno::MSGSIZE) => {
                log::debug!("a message is longer than the host's socket takes");
                self.abort(id);
                return;
            }
            Err(errno) => {
                self.host_deaf(id, &errno.into());
                return;
            }
        }
        let waits = outbox.is_waiting(connection.kind);
        if outbox.is_empty() {
            self.spare = connection.outbox.take().filter(|empty| empty.is_reusable());
        }
        self.watch_room(id, waits);
        self.credit_changed(id);
        if !waits {
            self.settle_shutdown(id);
        }
    }

    /// All that the guest sent is with the host: passes on what else it said.
    fn settle_shutdown(&mut self, id: u32) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        if connection.guest_done == SHUTDOWN_BOTH {
            self.finish(id);
        } else if connection.guest_done & SHUTDOWN_SEND != 0
            && let Some(fd) = &connection.fd
        {
            let _ = shutdown(fd, Shutdown::Write);
        }
    }

    /// Both sides are done. The guest, if it does not know yet, is told so.
    pub(crate) fn finish(&mut self, id: u32) {
        if let Some(connection) = self.table.get(id)
            && connection.keyed
        {
            let header = reset(self.shared.cid(), connection.key, connection.kind.wire());
            self.resets.push_back(header);
        }
        self.remove(id);
    }

    /// Handles any packet, but for its being completed.
    fn packet(&mut self, header: &Header, chain: &mut Chain) {
        let cid = self.shared.cid();
        let key = key(header);
        let (op, len) = (header.op.get(), header.len.get());
        let kind = Kind::from_wire(header.kind.get()).filter(|&kind| self.allows(kind));
        if header.src_cid.get() != cid {
            chain.warn(format_args!(
                "a packet says that it is from CID {}, the guest's is {cid}",
                header.src_cid.get()
            ));
            self.refuse(header);
            return;
        }
        let Some(kind) = kind else {
            chain.warn(format_args!(
                "a packet of type {}, which was not negotiated",
                header.kind.get()
            ));
            self.refuse(header);
            return;
        };
        let known = self.table.find(&key);
        if u64::from(len) > chain.readable_len() {
            chain.warn(format_args!(
                "a packet of {} bytes says that it has {len}",
                chain.readable_len()
            ));
            match known {
                Some(id) => self.abort(id),
                None => self.refuse(header),
            }
            return;
        }
        chain.truncate_readable(len.into());
        let Some(id) = known else {
            match op {
                OP_REQUEST => self.requested(key, kind, header),
                _ => self.refuse(header),
            }
            return;
        };
        let phase = match self.table.get(id) {
            Some(connection) if connection.kind == kind => connection.phase,
            _ => {
                self.abort(id);
                return;
            }
        };
        self.hear(id, header);
        match (op, phase) {
            (OP_RST, _) => self.guest_reset(id),
            (OP_RESPONSE, Phase::Requested) => self.accepted(id),
            (OP_RW, Phase::Established) => self.data(id, header, chain),
            (OP_SHUTDOWN, Phase::Established) => self.guest_shutdown(id, header.flags.get()),
            (OP_CREDIT_UPDATE, Phase::Established) => {}
            (OP_CREDIT_REQUEST, Phase::Established) => {
                if let Some(connection) = self.table.get(id) {
                    connection.update = true;
                }
                self.enqueue(id);
            }
            (OP_SHUTDOWN | OP_CREDIT_UPDATE | OP_CREDIT_REQUEST, Phase::Left) => {}
            _ => self.abort(id),
        }
    }

    /// Answers a packet that belongs to no connection. A reset is never answered.
    fn refuse(&mut self, header: &Header) {
        if header.op.get() != OP_RST {
            let header = reset(self.shared.cid(), key(header), header.kind.get());
            self.resets.push_back(header);
        }
    }

    fn requested(&mut self, key: Key, kind: Kind, header: &Header) {
        let sibling = match key.cid {
            HOST_CID => None,
            cid => match self.switch.sibling(&self.shared, cid) {
                Some(sibling) => Some(sibling),
                // An enclave, for one, calls its parent by a CID of the parent's own choice. But
                // what is meant for another guest is not for a program.
                None if matches!(*self.backend, Backend::Vsock { .. })
                    && u32::try_from(cid).is_ok()
                    && !self.switch.knows(cid) =>
                {
                    None
                }
                None => return self.refuse(header),
            },
        };
        if self.table.len() >= self.limits.connections {
            log::debug!("a connection of the guest is refused: it has too many");
            return self.refuse(header);
        }
        let connection = Connection {
            keyed: true,
            give_up: self.in_future(self.limits.connect_timeout),
            ..Connection::new(key, kind, Phase::Connecting, self.limits.window)
        };
        let id = self.table.insert(connection);
        self.hear(id, header);
        match sibling {
            None => self.connect_host(id),
            Some(sibling) => self.connect_sibling(id, &sibling),
        }
    }

    fn connect_sibling(&mut self, id: u32, sibling: &Shared) {
        let from_cid = self.shared.cid();
        let window = self.limits.window;
        let deadline = self.in_future(self.limits.connect_timeout);
        let Some(connection) = self.table.get(id) else {
            return;
        };
        let (ours, theirs) = match pair(connection.kind, window) {
            Ok(pair) => pair,
            Err(errno) => {
                log::warn!("cannot connect two guests: {errno}");
                self.abort(id);
                return;
            }
        };
        let (link, other) = LinkEnd::pair();
        connection.fd = Some(ours);
        connection.link = Some(Box::new(link));
        let incoming = Incoming {
            fd: theirs,
            link: other,
            kind: connection.kind,
            from_cid,
            from_port: connection.key.guest_port,
            to_port: connection.key.port,
        };
        self.set_deadline(id, Some(deadline));
        if !self.watch(id, Interest::ReadEdges) || !sibling.deliver(incoming) {
            self.abort(id);
        }
    }

    fn guest_reset(&mut self, id: u32) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        // The usual answer to a shutdown of both directions is a reset.
        if let Some(link) = &connection.link
            && connection.told_done != SHUTDOWN_BOTH
        {
            link.abort();
        }
        let waits = connection
            .outbox
            .as_ref()
            .is_some_and(|outbox| outbox.is_waiting(connection.kind));
        if waits && connection.fd.is_some() && connection.phase != Phase::Requested {
            connection.phase = Phase::Left;
            // It ends with the last byte, of which the guest is not told any more.
            connection.guest_done = SHUTDOWN_BOTH;
            self.set_deadline(id, None);
            self.table.take_key(id);
        } else {
            self.remove(id);
        }
    }

    fn guest_shutdown(&mut self, id: u32, flags: u32) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        let new = flags & SHUTDOWN_BOTH & !connection.guest_done;
        connection.guest_done |= new;
        if new & SHUTDOWN_RECEIVE != 0 {
            connection.inbox = None;
            connection.readable = false;
            if let Some(fd) = &connection.fd {
                let _ = shutdown(fd, Shutdown::Read);
            }
        }
        let waits = connection
            .outbox
            .as_ref()
            .is_some_and(|outbox| outbox.is_waiting(connection.kind));
        if connection.guest_done == SHUTDOWN_BOTH && waits && connection.fd.is_some() {
            connection.phase = Phase::Left;
            let deadline = self.in_future(self.limits.close_timeout);
            self.set_deadline(id, Some(deadline));
        } else if !waits {
            self.settle_shutdown(id);
        }
    }

    fn data(&mut self, id: u32, header: &Header, chain: &mut Chain) {
        let Some(connection) = self.table.get(id) else {
            return;
        };
        if connection.guest_done & SHUTDOWN_SEND != 0 {
            chain.warn(format_args!("data after a shutdown"));
            self.abort(id);
            return;
        }
        if connection.credit.receive(header.len.get()).is_err() {
            chain.warn(format_args!(
                "a connection sent more than its credit and is reset"
            ));
            self.abort(id);
            return;
        }
        // Nobody reads it any more, which the guest will learn or knows already.
        if connection.fd.is_none() || connection.host_done & SHUTDOWN_RECEIVE != 0 {
            connection.credit.forward(header.len.get());
            self.credit_changed(id);
            return;
        }
        match connection.kind {
            Kind::Stream if connection.outbox.is_none() => {
                self.send_stream(id, std::slice::from_mut(chain));
            }
            Kind::Stream => {
                self.keep(id, chain);
            }
            Kind::SeqPacket => self.message(id, header, chain),
        }
    }

    fn message(&mut self, id: u32, header: &Header, chain: &mut Chain) {
        // It goes as a whole, for which the socket may still be too small.
        self.settle(id);
        let flags = header.flags.get();
        let (whole, record) = (flags & SEQ_EOM != 0, flags & SEQ_EOR != 0);
        let len = header.len.get();
        let Some(connection) = self.table.get(id) else {
            return;
        };
        // A message without bytes, or with the mark of a record, cannot go by a plain write.
        if whole && !record && len > 0 && connection.outbox.is_none() {
            let Some(fd) = &connection.fd else {
                return;
            };
            loop {
                if let Some(link) = &connection.link {
                    link.sending(false);
                }
                match chain.drain_to(fd, None, len.into()) {
                    Ok(done) => {
                        connection.credit.forward(done as u32);
                        self.credit_changed(id);
                        return;
                    }
                    Err(error) => {
                        if let Some(link) = &connection.link {
                            link.not_sent(false);
                        }
                        match error.kind() {
                            io::ErrorKind::Interrupted => {}
                            io::ErrorKind::WouldBlock => break,
                            _ => {
                                connection.credit.forward(len);
                                self.message_failed(id, &error, chain);
                                return;
                            }
                        }
                    }
                }
            }
        }
        if !self.keep(id, chain) {
            return;
        }
        if !whole {
            // The rest may be waiting for the room of messages that went before.
            self.credit_changed(id);
            return;
        }
        let Some(connection) = self.table.get(id) else {
            return;
        };
        if let Some(outbox) = &mut connection.outbox
            && outbox.end_message(record).is_err()
        {
            chain.warn(format_args!(
                "too many messages wait for the host: a connection is reset"
            ));
            self.abort(id);
            return;
        }
        self.flush_outbox(id);
    }

    fn message_failed(&mut self, id: u32, error: &io::Error, chain: &Chain) {
        if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) {
            chain.warn(format_args!(
                "a message is longer than the host's socket takes: a connection is reset"
            ));
            self.abort(id);
        } else {
            self.host_deaf(id, error);
        }
    }
}

fn pair(kind: Kind, window: u32) -> Result<(OwnedFd, OwnedFd), Errno> {
    let socket_type = match kind {
        Kind::Stream => SocketType::STREAM,
        Kind::SeqPacket => SocketType::SEQPACKET,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, socket_type, flags, None)?;
    host::enlarge(&ours, window);
    host::enlarge(&theirs, window);
    Ok((ours, theirs))
}
