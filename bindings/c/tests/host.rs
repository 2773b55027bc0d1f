//! `host.c`, compiled with the C compiler of the system, against the header and the shared library.

mod common;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

#[test]
fn a_host_in_c_gets_energies_forces_virials_and_statuses() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let executable = env::current_exe().unwrap();
    let libraries = executable.parent().unwrap();
    let place = env::temp_dir().join(format!("mlip_c_host_{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    let potential = place.join("potential.json");
    fs::write(&potential, common::potential().to_json().unwrap()).unwrap();
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    let compiled = Command::new(compiler)
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-O1",
            "-I",
        ])
        .arg(root.join("include"))
        .arg(root.join("tests/host.c"))
        .arg("-L")
        .arg(libraries)
        .args(["-lmlip_c", "-lm", "-o"])
        .arg(place.join("host"))
        .arg(format!("-Wl,-rpath,{}", libraries.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{said}");
    let run = Command::new(place.join("host"))
        .arg(&potential)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    fs::remove_dir_all(&place).unwrap();
}
