// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Connects virtual machines' sockets with the host's, and with each other, over vhost-user.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    vhost_user_daemon::main::<vhost_device_vsock::Options>()
}
