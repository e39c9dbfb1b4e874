// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `xen-sys`: what user space on Linux needs of Xen, from the vendored public headers.
//!
//! All of Xen's interface is 55,000 lines, and much of it (domctl, sysctl) changes with each
//! release. So a narrow list is translated: what the kernel's devices and the stable hypercalls take.

use std::fs;

use bindgen::{Builder, Formatter, RustEdition, RustTarget};

use super::generate::{LICENCE, Output, settle};
use super::layout;
use crate::headers::{self, Lock};
use crate::{Result, children, workspace};

pub(super) const NAME: &str = "xen-sys";

/// Module, clang's target, and the triple that names the kernel's headers.
const ARCHITECTURES: &[(&str, &str, &str)] = &[
    ("x86_64", "x86_64-unknown-linux-gnu", "x86_64-linux-gnu"),
    ("aarch64", "aarch64-unknown-linux-gnu", "aarch64-linux-gnu"),
];

const TYPES: &[&str] = &[
    "privcmd_.*",
    "ioctl_gntdev_.*",
    "ioctl_gntalloc_.*",
    "ioctl_evtchn_.*",
    "xen_dm_op.*",
    "gnttab_(map_grant_ref|unmap_grant_ref|setup_table|query_size)",
    "grant_entry_v1",
    "evtchn_(bind_interdomain|alloc_unbound|bind_virq|send|close|unmask|status|set_priority)",
    "xen_(mem_acquire_resource|add_to_physmap|memory_reservation|memory_map|hvm_param)",
    "ioreq",
    "shared_iopage",
    "hvm_(start_info|memmap_table_entry|modlist_entry)",
    "xsd_sockmsg|xsd_sockmsg_type|xs_watch_type|xenstore_domain_interface|xenbus_state",
    "domid_t|xen_pfn_t|xen_ulong_t|grant_ref_t|evtchn_port_t|ioservid_t",
];

const CONSTANTS: &[&str] = &[
    "IOCTL_.*",
    "UNMAP_NOTIFY_.*",
    "GNTALLOC_FLAG_.*",
    "PRIVCMD_MMAPBATCH_.*",
    "XEN_DMOP_.*",
    "HVM_IOREQSRV_.*",
    "HVMOP_(set|get)_param",
    "HVM_PARAM_.*",
    "(STATE_)?IO(REQ|RESP)_.*",
    "GTF_.*",
    "GNTMAP_.*",
    "GNTST_.*",
    "GNTTABOP_.*",
    "EVTCHNOP_.*",
    "EVTCHNSTAT_.*",
    "XENMEM_(resource_.*|acquire_resource|add_to_physmap|memory_map|(populate|decrease)_.*)",
    "XENMAPSPACE_.*",
    "DOMID_.*",
    "XEN_HVM_.*",
    "XENVER_.*",
    "XENFEAT_.*",
    "XEN_ELFNOTE_.*",
    "XS_.*",
    "XENSTORE_.*",
    "VIRQ_.*",
    "__HYPERVISOR_(memory_op|grant_table_op|event_channel_op|hvm_op|dm_op|xen_version|console_io|sched_op)",
];

/// bindgen lays these bit fields out wrongly; the crate has them by hand.
const BY_HAND: &[&str] = &["buf_ioreq.*", "buffered_iopage.*"];

pub(super) fn run(check: bool) -> Result<bool> {
    let folder = headers::XEN.folder();
    let lock = Lock::read(&headers::XEN)?;
    let mut right = true;
    for (module, clang, triple) in ARCHITECTURES {
        let file = syn::parse_file(&translate(clang, triple)?)?;
        let note = format!(
            "{LICENCE}\n// Generated from Xen's public headers for {module}: change the generator \
             (crates/xtask/src/bindings/xen.rs), then run `cargo xtask bindings`.\n\n"
        );
        let mut all = String::new();
        for name in lock.files.keys() {
            all += &fs::read_to_string(folder.join(name))?;
        }
        let to = workspace::root().join("xen").join(NAME);
        for (path, text) in [
            (format!("src/{module}.rs"), prettyplease::unparse(&file)),
            (
                format!("tests/layout/{module}.rs"),
                layout::table(&file, &all),
            ),
        ] {
            let output = Output {
                path: to.join(path),
                text: format!("{note}{text}"),
            };
            right &= settle(&output, check)?;
        }
    }
    Ok(right)
}

fn translate(clang: &str, triple: &str) -> Result<String> {
    let root = workspace::root();
    let scratch = children::scratch().ok_or("there is no folder for temporary files")?;
    let target = RustTarget::stable(85, 0).map_err(|error| format!("{error}"))?;
    let mut builder = Builder::default()
        .header(root.join("xen/xen-sys/wrapper.h").display().to_string())
        .clang_args([
            format!("--target={clang}"),
            // The host's own headers must not leak in.
            "-nostdinc".to_owned(),
            format!("-isystem{}", headers::XEN.folder().display()),
            format!("-isystem{}", headers::LINUX.folder().display()),
            format!("-isystem{}", headers::LINUX.folder().join(triple).display()),
        ])
        .rust_target(target)
        .rust_edition(RustEdition::Edition2024)
        .use_core()
        .impl_debug(true)
        .derive_default(true)
        .layout_tests(false)
        .prepend_enum_name(false)
        .generate_comments(false)
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(scratch)
        .disable_header_comment()
        .formatter(Formatter::None);
    for name in TYPES {
        builder = builder.allowlist_type(name);
    }
    for name in CONSTANTS {
        builder = builder.allowlist_var(name);
    }
    for name in BY_HAND {
        builder = builder.blocklist_type(name);
    }
    let built = builder
        .generate()
        .map_err(|error| format!("bindgen, for {clang}: {error}"))?;
    Ok(built.to_string())
}
