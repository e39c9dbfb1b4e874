// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What the guest sent and the host's socket had no room for. Bounded by the guest's credit.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

use crate::spec::Kind;
use crate::switch::LinkEnd;

/// Messages without a byte cost a guest no credit.
const MAX_MESSAGES: usize = 1024;

/// What an empty one may keep of its memory. A program that is slower than the guest would otherwise
/// have it allocated and freed again and again.
const MAX_SPARE: usize = 512 * 1024;

/// The guest sent more messages than are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

#[derive(Debug)]
pub(crate) struct Outbox {
    bytes: VecDeque<u8>,
    /// Length of each whole message, and whether it ends a record. Bytes behind the last are part of
    /// one that is not whole yet. Unused by streams.
    messages: VecDeque<(u32, bool)>,
    partial: u32,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            bytes: VecDeque::new(),
            messages: VecDeque::new(),
            partial: 0,
        }
    }

    /// An empty one may be used again, unless it is large.
    pub(crate) fn is_reusable(&self) -> bool {
        self.is_empty() && self.partial == 0 && self.bytes.capacity() <= MAX_SPARE
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.messages.is_empty()
    }

    /// Whether there is something that may be sent. Half a message may not.
    pub(crate) fn is_waiting(&self, kind: Kind) -> bool {
        match kind {
            Kind::Stream => !self.bytes.is_empty(),
            Kind::SeqPacket => !self.messages.is_empty(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.partial += bytes.len() as u32;
    }

    /// What was pushed since the last one is a message.
    pub(crate) fn end_message(&mut self, record: bool) -> Result<(), TooMany> {
        if self.messages.len() >= MAX_MESSAGES {
            return Err(TooMany);
        }
        self.messages.push_back((self.partial, record));
        self.partial = 0;
        Ok(())
    }

    /// Sends what the socket takes. Returns the bytes that left, whatever came after them; an error
    /// other than that there is no more room comes the next time.
    pub(crate) fn flush(
        &mut self,
        kind: Kind,
        socket: impl AsFd,
        link: Option<&LinkEnd>,
    ) -> Result<u32, Errno> {
        let link = link.filter(|_| kind == Kind::SeqPacket);
        let mut sent = 0u32;
        loop {
            let (len, record) = match kind {
                Kind::Stream if self.bytes.is_empty() => break,
                Kind::Stream => (self.bytes.len() as u32, false),
                Kind::SeqPacket => match self.messages.front() {
                    Some(&message) => message,
                    None => break,
                },
            };
            let (first, second) = self.bytes.as_slices();
            let len = len as usize;
            let first = &first[..first.len().min(len)];
            let second = &second[..len - first.len()];
            let mut flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            if record {
                flags |= SendFlags::EOR;
            }
            if let Some(link) = link {
                link.sending(record);
            }
            let result = sendmsg(
                &socket,
                &[IoSlice::new(first), IoSlice::new(second)],
                &mut SendAncillaryBuffer::default(),
                flags,
            );
            if let (Err(_), Some(link)) = (&result, link) {
                link.not_sent(record);
            }
            match result {
                Ok(done) => {
                    self.bytes.drain(..done);
                    sent += done as u32;
                    match kind {
                        Kind::Stream => self.partial = 0,
                        Kind::SeqPacket => {
                            self.messages.pop_front();
                        }
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(errno) if sent == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(sent)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};

    use super::*;

    #[test]
    fn a_streams_bytes_leave_in_order_once_there_is_room() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let all: Vec<u8> = (0..1_000_000u32).map(|at| at as u8).collect();
        let mut outbox = Outbox::new();
        all.chunks(1000).for_each(|chunk| outbox.push(chunk));

        let mut got = Vec::new();
        while !outbox.is_empty() {
            let left = outbox.flush(Kind::Stream, &ours, None).unwrap() as usize;
            let mut part = vec![0; left];
            theirs.read_exact(&mut part).unwrap();
            got.extend(part);
        }

        assert_eq!(got, all);
    }

    #[test]
    fn only_whole_messages_leave_and_each_as_one() {
        let (ours, theirs) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::NONBLOCK,
            None,
        )
        .unwrap();
        let mut outbox = Outbox::new();
        outbox.push(b"ab");
        outbox.push(b"c");
        outbox.end_message(false).unwrap();
        outbox.push(b"half");

        let sent = outbox.flush(Kind::SeqPacket, &ours, None).unwrap();
        let mut buffer = [0; 16];
        let (first, _) = rustix::net::recv(&theirs, &mut buffer, RecvFlags::empty()).unwrap();
        let second = rustix::net::recv(&theirs, &mut buffer[first..], RecvFlags::empty());

        assert_eq!((sent, &buffer[..first]), (3, b"abc".as_slice()));
        assert_eq!(second.unwrap_err(), Errno::AGAIN);
        assert_eq!(outbox.len(), 4);
    }

    #[test]
    fn messages_without_bytes_are_not_kept_without_end() {
        let mut outbox = Outbox::new();
        let mut kept = 0;
        while outbox.end_message(false).is_ok() {
            kept += 1;
        }

        assert_eq!(kept, MAX_MESSAGES);
    }
}
