// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Sizes, alignments, offsets and ioctl numbers are those that a C compiler finds in the vendored
//! headers.
//!
//! The bindings of all architectures are compiled here for this one: their types have the same
//! sizes and alignments on each. Nothing that C makes is run, so a cross compiler is enough.

#![allow(missing_docs, unreachable_pub, dead_code, unsafe_op_in_unsafe_fn)]
#![allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    confusable_idents
)]
#![allow(clippy::all, clippy::undocumented_unsafe_blocks)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

#[path = "layout"]
mod x86_64 {
    #[rustfmt::skip]
    #[path = "../../src/x86_64/bindings.rs"]
    pub mod bindings;
    #[rustfmt::skip]
    #[path = "x86_64.rs"]
    pub mod rows;
}

#[path = "layout"]
mod arm64 {
    #[rustfmt::skip]
    #[path = "../../src/arm64/bindings.rs"]
    pub mod bindings;
    #[rustfmt::skip]
    #[path = "arm64.rs"]
    pub mod rows;
}

#[path = "layout"]
mod riscv64 {
    #[rustfmt::skip]
    #[path = "../../src/riscv64/bindings.rs"]
    pub mod bindings;
    #[rustfmt::skip]
    #[path = "riscv64.rs"]
    pub mod rows;
}

/// A C compiler for an architecture, if there is one.
fn compiler(triple: &str) -> Option<String> {
    let machine = triple.split('-').next()?;
    let native = Command::new("cc").arg("-dumpmachine").output().ok()?;
    if native.stdout.starts_with(machine.as_bytes()) {
        return Some("cc".to_owned());
    }
    let cross = format!("{triple}-gcc");
    let found = Command::new(&cross).arg("--version").output();
    found.is_ok().then_some(cross)
}

/// What C makes of each expression.
fn answers(compiler: &str, triple: &str, rows: &[(&str, usize)]) -> Vec<usize> {
    let headers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/headers/linux");
    let mut source = String::from(
        "#include <linux/kvm.h>\n#define offsetof(t, m) __builtin_offsetof(t, m)\nvoid f(void) {\n",
    );
    for (expression, _) in rows {
        let _ = writeln!(source, "asm volatile(\"\\n@@%0\" :: \"i\"({expression}));");
    }
    source += "}\n";
    let mut child = Command::new(compiler)
        .args([
            "-std=gnu11",
            "-O1",
            "-S",
            "-o",
            "-",
            "-nostdinc",
            "-isystem",
        ])
        .arg(&headers)
        .arg("-isystem")
        .arg(headers.join(triple))
        .args(["-x", "c", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Compilers read to the end before they write; one that fails early closes the pipe, and says
    // why below.
    let _ = child.stdin.take().unwrap().write_all(source.as_bytes());
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("@@"))
        .map(|number| {
            number
                .trim()
                .trim_start_matches(['$', '#'])
                .parse()
                .unwrap()
        })
        .collect()
}

/// Compares, and gives what differs.
fn differences(compiler: &str, triple: &str, rows: &[(&str, usize)]) -> Vec<String> {
    let answers = answers(compiler, triple, rows);
    assert_eq!(answers.len(), rows.len(), "an answer for each row");
    let pairs = rows.iter().zip(answers);
    pairs
        .filter(|((_, rust), c)| rust != c)
        .map(|((expression, rust), c)| format!("{expression}: {c} in C, {rust} in Rust"))
        .collect()
}

/// Without a compiler, nothing is proved, and the test fails. Who has none for foreign architectures
/// leaves those out by name.
fn agrees(triple: &str, rows: &[(&str, usize)]) {
    let native = triple.starts_with(std::env::consts::ARCH);
    if let Some(compiler) = compiler(triple) {
        let differences = differences(&compiler, triple, rows);
        assert!(differences.is_empty(), "{differences:#?}");
    } else {
        assert!(
            !native && std::env::var("KVM_BINDINGS_LAYOUT").is_ok_and(|which| which == "native"),
            "nothing to compare with: there is no {triple}-gcc (Debian: apt-get install \
             gcc-{}); KVM_BINDINGS_LAYOUT=native leaves foreign architectures out",
            triple.replace('_', "-")
        );
        eprintln!("{triple}: left out, as KVM_BINDINGS_LAYOUT says");
    }
}

#[test]
fn x86_64_has_the_layout_that_c_has() {
    assert!(x86_64::rows::ROWS.len() > 1000);
    agrees("x86_64-linux-gnu", x86_64::rows::ROWS);
}

#[test]
fn arm64_has_the_layout_that_c_has() {
    assert!(arm64::rows::ROWS.len() > 800);
    agrees("aarch64-linux-gnu", arm64::rows::ROWS);
}

#[test]
fn riscv64_has_the_layout_that_c_has() {
    assert!(riscv64::rows::ROWS.len() > 800);
    agrees("riscv64-linux-gnu", riscv64::rows::ROWS);
}

#[test]
fn a_wrong_row_is_found() {
    let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
    let rows = [
        ("sizeof(struct kvm_mp_state)", 4),
        ("sizeof(struct kvm_mp_state)", 5),
    ];

    let found = differences(&compiler(&triple).unwrap(), &triple, &rows);

    assert_eq!(found, ["sizeof(struct kvm_mp_state): 4 in C, 5 in Rust"]);
}
