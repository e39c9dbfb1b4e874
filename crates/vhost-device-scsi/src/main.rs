// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Gives virtual machines SCSI disks over vhost-user.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    vhost_user_daemon::main::<vhost_device_scsi::Options>()
}
