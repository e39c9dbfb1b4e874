// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Answers requests.

use virtio_device::{Chain, ChainTooShort, Requests};

use crate::spec::{Operation, RequestHeader, ResponseHeader, STATUS_ERROR, STATUS_OK};

/// All that the device's one thread owns. No lock: nobody else has it.
#[derive(Debug)]
pub struct TemplateWorker {
    /// As long as the longest data. It is made once, so that no request allocates, and none can make
    /// the host allocate what the guest asks for.
    buffer: Vec<u8>,
}

/// What a driver can get wrong. It ends as a status in the guest and a line in the log, so it says
/// what was asked for and what the limit is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("no header: {0}")]
    Header(#[from] ChainTooShort),
    #[error("operation {0} does not exist")]
    Operation(u32),
    #[error("{len} bytes of data are more than the limit of {max}")]
    TooLong { len: u64, max: usize },
    #[error("there is room for {room} bytes, the answer has {needed}")]
    NoRoom { room: u64, needed: u64 },
}

impl TemplateWorker {
    pub(crate) fn new(max_len: u32) -> Self {
        Self {
            buffer: vec![0; max_len as usize],
        }
    }

    /// First everything is checked, then bytes are moved. So a refused request has nothing written
    /// to it yet, and the caller can still write the status.
    fn answer(&mut self, request: &mut Chain) -> Result<(), Refusal> {
        let header: RequestHeader = request.read_obj()?;
        let number = header.operation.get();
        let operation = Operation::from_wire(number).ok_or(Refusal::Operation(number))?;
        // What is left behind the header. Guest-chosen lengths are 64 bits wide until they were
        // compared with a limit.
        let len = request.readable_len();
        let max = self.buffer.len();
        let data = usize::try_from(len)
            .ok()
            .and_then(|len| self.buffer.get_mut(..len))
            .ok_or(Refusal::TooLong { len, max })?;
        let room = request.writable_len();
        let needed = size_of::<ResponseHeader>() as u64 + len;
        if room < needed {
            return Err(Refusal::NoRoom { room, needed });
        }

        // The driver can change its memory at any time. This copy is what is looked at from here
        // on; never read the same bytes of a guest twice.
        request.read_exact(data)?;
        operation.apply(data);
        write_status(request, STATUS_OK);
        // All of it: the room was checked.
        request.write(data);
        Ok(())
    }
}

/// Nothing is written where there is no room; then the request goes back with a length of zero,
/// which is all that can be said.
fn write_status(request: &mut Chain, status: u32) {
    let _ = request.write_obj(&ResponseHeader {
        status: status.into(),
    });
}

/// The short form, for devices that answer each request at once and in order: the loop around it,
/// the notifications and the end of a queue are taken care of. The README tells when a device
/// implements `Worker` instead.
impl Requests for TemplateWorker {
    /// Has no error to return. What the driver did wrong it is told here, and the next request is
    /// served as if nothing had been.
    fn handle(&mut self, request: &mut Chain) {
        if let Err(refusal) = self.answer(request) {
            // Not `log::warn!`: a guest could fill the host's disk. This one counts.
            request.warn(format_args!("request refused: {refusal}"));
            write_status(request, STATUS_ERROR);
        }
    }
}
