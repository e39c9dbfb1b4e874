// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One way to the kernel for all devices.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::path::Path;

use rustix::io::Errno;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, ioctl};

use crate::{Error, Result};

pub(crate) fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| Error::new(format!("open {}", path.display()), error))
}

struct Call {
    number: u32,
    argument: *mut c_void,
}

// SAFETY: the opcode and the argument belong together, as the caller of `call` promises.
unsafe impl Ioctl for Call {
    type Output = i32;
    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        self.number as Opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.argument
    }

    unsafe fn output_from_ptr(
        output: IoctlOutput,
        _: *mut c_void,
    ) -> std::result::Result<i32, Errno> {
        Ok(output)
    }
}

/// What the kernel returns besides an error.
///
/// # Safety
/// `argument` points to what the ioctl reads and writes, for its whole length, and so do the pointers in it.
pub(crate) unsafe fn call(
    device: &File,
    number: u32,
    argument: *mut c_void,
) -> std::result::Result<i32, Errno> {
    // SAFETY: as the caller promises.
    unsafe { ioctl(device, Call { number, argument }) }
}
