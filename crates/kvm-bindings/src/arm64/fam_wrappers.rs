// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Structures that end in an array of any length, as vectors.

use vmm_sys_util::fam::FamStruct;

use super::bindings::*;
use crate::fam::{flexible, on_every_architecture};

// An arbitrary limit: KVM lists about 450 registers.
on_every_architecture!(500);
