// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The program `rust-vmm-ci`; all of it is in the library.

fn main() -> std::process::ExitCode {
    rust_vmm_ci::main(std::env::args_os())
}
