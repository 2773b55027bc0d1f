//! The header is the one that cbindgen makes of the sources.

use std::path::Path;
use std::{env, fs};

/// Set to write the header anew.
const WRITE: &str = "MLIP_WRITE_HEADER";

#[test]
fn the_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in ["status", "potential", "neighbors", "evaluator", "lib"] {
        builder = builder.with_src(root.join("src").join(file).with_extension("rs"));
    }
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    let (path, text) = (
        root.join("include/mlip_rs.h"),
        String::from_utf8(text).unwrap(),
    );
    if env::var_os(WRITE).is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == text,
        "{} is of other sources; run `{WRITE}=1 cargo test --test header` there",
        path.display()
    );
}
