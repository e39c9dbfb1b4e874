// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Messages: a header of four numbers in the machine's byte order, and up to 4096 bytes.

use std::io::{self, Read};

use rustix::io::Errno;
use xen_sys::XENSTORE_PAYLOAD_MAX;

const HEADER: usize = size_of::<xen_sys::xsd_sockmsg>();

/// The store's names of errors.
const ERRORS: &[(&[u8], Errno)] = &[
    (b"EINVAL", Errno::INVAL),
    (b"EACCES", Errno::ACCESS),
    (b"EEXIST", Errno::EXIST),
    (b"EISDIR", Errno::ISDIR),
    (b"ENOENT", Errno::NOENT),
    (b"ENOMEM", Errno::NOMEM),
    (b"ENOSPC", Errno::NOSPC),
    (b"EIO", Errno::IO),
    (b"ENOTEMPTY", Errno::NOTEMPTY),
    (b"ENOSYS", Errno::NOSYS),
    (b"EROFS", Errno::ROFS),
    (b"EBUSY", Errno::BUSY),
    (b"EAGAIN", Errno::AGAIN),
    (b"EISCONN", Errno::ISCONN),
    (b"E2BIG", Errno::TOOBIG),
    (b"EPERM", Errno::PERM),
];

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u32,
    pub(crate) request: u32,
    pub(crate) body: Vec<u8>,
}

/// A message in one piece, which the kernel's device wants; `None` if it is too long.
pub(crate) fn message(
    kind: u32,
    request: u32,
    transaction: u32,
    parts: &[&[u8]],
) -> Option<Vec<u8>> {
    let body = parts.concat();
    let len = u32::try_from(body.len()).ok()?;
    let header = [kind, request, transaction, len].map(u32::to_ne_bytes);
    (len <= XENSTORE_PAYLOAD_MAX).then(|| [header.concat(), body].concat())
}

pub(crate) fn receive(from: &mut impl Read) -> io::Result<Message> {
    let mut header = [0; HEADER];
    from.read_exact(&mut header)?;
    let (words, _) = header.as_chunks();
    let mut words = words.iter().map(|word| u32::from_ne_bytes(*word));
    let mut word = || words.next().unwrap_or_default();
    let (kind, request, _transaction, len) = (word(), word(), word(), word());
    if len > XENSTORE_PAYLOAD_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; len as usize];
    from.read_exact(&mut body)?;
    Ok(Message {
        kind,
        request,
        body,
    })
}

/// The strings of a body, each of which ends in a zero.
pub(crate) fn strings(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|&byte| byte == 0).filter(|one| !one.is_empty())
}

/// What an error's body means.
pub(crate) fn error(body: &[u8]) -> io::Error {
    let name = strings(body).next().unwrap_or_default();
    match ERRORS.iter().find(|(known, _)| *known == name) {
        Some((_, errno)) => (*errno).into(),
        None => io::Error::other(String::from_utf8_lossy(name).into_owned()),
    }
}
