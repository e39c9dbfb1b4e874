// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Sizes, offsets and ioctl numbers are those that a C compiler finds in the vendored headers.
//!
//! The bindings of both architectures are compiled here for this one: their types have the same
//! sizes and alignments on each. Nothing that C makes is run, so a cross compiler is enough.

#![allow(missing_docs, unreachable_pub, dead_code, unsafe_op_in_unsafe_fn)]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)]
#![allow(clippy::all, clippy::undocumented_unsafe_blocks)]

use std::fmt::Write as _;
use std::mem::size_of;
use std::path::Path;
use std::process::Command;

#[path = "layout"]
mod x86_64 {
    #[rustfmt::skip]
    #[path = "../../src/x86_64.rs"]
    pub mod bindings;
    #[rustfmt::skip]
    #[path = "x86_64.rs"]
    pub mod rows;
}

#[path = "layout"]
mod aarch64 {
    #[rustfmt::skip]
    #[path = "../../src/aarch64.rs"]
    pub mod bindings;
    #[rustfmt::skip]
    #[path = "aarch64.rs"]
    pub mod rows;
}

macro_rules! constants {
    ($module:ident: $($name:ident)*) => {
        [$((stringify!($name), $module::bindings::$name as usize)),*]
    };
}

macro_rules! chosen {
    ($module:ident) => {
        constants!($module:
            IOCTL_PRIVCMD_HYPERCALL IOCTL_PRIVCMD_MMAPBATCH_V2 IOCTL_PRIVCMD_DM_OP
            IOCTL_PRIVCMD_RESTRICT IOCTL_PRIVCMD_MMAP_RESOURCE
            IOCTL_GNTDEV_MAP_GRANT_REF IOCTL_GNTDEV_UNMAP_GRANT_REF IOCTL_GNTDEV_SET_UNMAP_NOTIFY
            IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR IOCTL_GNTDEV_GRANT_COPY
            IOCTL_GNTALLOC_ALLOC_GREF IOCTL_GNTALLOC_DEALLOC_GREF IOCTL_GNTALLOC_SET_UNMAP_NOTIFY
            IOCTL_EVTCHN_BIND_VIRQ IOCTL_EVTCHN_BIND_INTERDOMAIN IOCTL_EVTCHN_BIND_UNBOUND_PORT
            IOCTL_EVTCHN_UNBIND IOCTL_EVTCHN_NOTIFY IOCTL_EVTCHN_RESET IOCTL_EVTCHN_RESTRICT_DOMID
            XEN_DMOP_create_ioreq_server XEN_DMOP_set_irq_level XEN_DMOP_IO_RANGE_MEMORY
            XENMEM_resource_ioreq_server STATE_IOREQ_READY STATE_IORESP_READY
            XS_READ XS_WATCH_EVENT XS_ERROR XS_DIRECTORY_PART XENSTORE_PAYLOAD_MAX
            XEN_ELFNOTE_PHYS32_ENTRY IOREQ_BUFFER_SLOT_NUM
        )
    };
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
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let headers = here.join("../../ci/headers");
    let mut source = String::from(
        "#include \"wrapper.h\"\n#define offsetof(t, m) __builtin_offsetof(t, m)\nvoid f(void) {\n",
    );
    for (expression, _) in rows {
        let _ = writeln!(source, "asm volatile(\"\\n@@%0\" :: \"i\"({expression}));");
    }
    source += "}\n";
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("layout-{triple}-{}.c", rows.len()));
    std::fs::write(&file, source).unwrap();
    let mut command = Command::new(compiler);
    command.args(["-std=gnu11", "-O1", "-S", "-o", "-", "-nostdinc", "-I"]);
    command.arg(here);
    for folder in ["xen".into(), "linux".into(), format!("linux/{triple}")] {
        command.arg("-isystem").arg(headers.join(folder));
    }
    let output = command.arg(&file).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("@@"))
        .map(|number| {
            let number = number.trim().trim_start_matches(['$', '#']);
            number.parse().unwrap()
        })
        .collect()
}

/// Compares, and gives what differs; `None` without a compiler.
fn differences(triple: &str, rows: &[(&str, usize)]) -> Option<Vec<String>> {
    let Some(compiler) = compiler(triple) else {
        eprintln!("not compared: there is no {triple}-gcc");
        return None;
    };
    let answers = answers(&compiler, triple, rows);
    assert_eq!(answers.len(), rows.len(), "an answer for each row");
    let pairs = rows.iter().zip(answers);
    Some(
        pairs
            .filter(|((_, rust), c)| rust != c)
            .map(|((expression, rust), c)| format!("{expression}: {c} in C, {rust} in Rust"))
            .collect(),
    )
}

/// A foreign architecture without a cross compiler is left out, and says so.
fn agrees(triple: &str, rows: &[(&str, usize)]) {
    let native = triple.starts_with(std::env::consts::ARCH);
    match differences(triple, rows) {
        Some(differences) => assert!(differences.is_empty(), "{differences:#?}"),
        None => assert!(!native, "the native C compiler (cc) is missing"),
    }
}

#[test]
fn x86_64_has_the_layout_that_c_has() {
    assert!(x86_64::rows::ROWS.len() > 200);
    agrees("x86_64-linux-gnu", x86_64::rows::ROWS);
}

#[test]
fn aarch64_has_the_layout_that_c_has() {
    assert!(aarch64::rows::ROWS.len() > 200);
    agrees("aarch64-linux-gnu", aarch64::rows::ROWS);
}

#[test]
fn ioctl_numbers_and_commands_are_those_of_c() {
    agrees("x86_64-linux-gnu", &chosen!(x86_64));
    agrees("aarch64-linux-gnu", &chosen!(aarch64));
}

#[test]
fn types_written_by_hand_have_the_layout_that_c_has() {
    let rows = [
        ("sizeof(struct buf_ioreq)", size_of::<xen_sys::buf_ioreq>()),
        (
            "offsetof(struct buf_ioreq, data)",
            std::mem::offset_of!(xen_sys::buf_ioreq, data),
        ),
        (
            "sizeof(struct buffered_iopage)",
            size_of::<xen_sys::buffered_iopage>(),
        ),
        (
            "offsetof(struct buffered_iopage, buf_ioreq)",
            std::mem::offset_of!(xen_sys::buffered_iopage, buf_ioreq),
        ),
    ];
    agrees("x86_64-linux-gnu", &rows);
    agrees("aarch64-linux-gnu", &rows);
}

#[test]
fn a_buffered_write_gives_its_bits() {
    let write = xen_sys::buf_ioreq {
        bits: 0xabcd_e000 | (2 << 10) | 1,
        data: 7,
    };

    assert_eq!(
        (write.type_(), write.is_read(), write.size(), write.addr()),
        (1, false, 4, 0xa_bcde)
    );
}

#[test]
fn a_wrong_row_is_found() {
    let triple = format!("{}-linux-gnu", std::env::consts::ARCH);
    let rows = [
        ("sizeof(struct xsd_sockmsg)", 16),
        ("sizeof(struct xsd_sockmsg)", 5),
    ];

    let found = differences(&triple, &rows).unwrap();

    assert_eq!(found, ["sizeof(struct xsd_sockmsg): 16 in C, 5 in Rust"]);
}
